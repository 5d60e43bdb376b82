//! Times that a signal handler can record.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::util::sync::{AtomicU32, Ordering};

static EPOCH: OnceLock<Instant> = OnceLock::new();

/// Starts the clock. Without it, a signal handler sees the time zero.
pub(crate) fn start() -> Instant {
    *EPOCH.get_or_init(Instant::now)
}

/// The moment at which the clock shows `elapsed`.
pub(crate) fn instant(elapsed: Duration) -> Instant {
    start() + elapsed
}

/// The time since the clock was started. Async-signal-safe.
pub(crate) fn elapsed() -> Duration {
    EPOCH.get().map_or(Duration::ZERO, Instant::elapsed)
}

/// A time that is written once, by a signal handler or by the program, and read later.
///
/// Two halves, because not every platform has atomics of 64 bits. The caller publishes that it was written,
/// and that orders them.
#[derive(Default)]
pub(crate) struct Timestamp {
    seconds: AtomicU32,
    nanoseconds: AtomicU32,
}

impl Timestamp {
    pub(crate) fn set(&self, elapsed: Duration) {
        let seconds = u32::try_from(elapsed.as_secs()).unwrap_or(u32::MAX);
        self.seconds.store(seconds, Ordering::Relaxed);
        self.nanoseconds.store(elapsed.subsec_nanos(), Ordering::Relaxed);
    }

    /// The time since the clock was started. Async-signal-safe.
    pub(crate) fn get(&self) -> Duration {
        let seconds = self.seconds.load(Ordering::Relaxed).into();
        Duration::new(seconds, self.nanoseconds.load(Ordering::Relaxed))
    }
}
