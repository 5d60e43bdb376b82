//! Signals that come again: which of them end the process, and when.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use signal_hook::low_level;

use crate::options::ForcedExit;

/// A repeat sooner than this after the first signal is the same press.
const SAME_PRESS: Duration = Duration::from_millis(250);

/// Counts the signals as far as that matters: the first, and those that are repeated.
pub(crate) struct Repeats {
    /// Which ones end the process. `NOBODY` where no shutdown is going on.
    forced_exit: AtomicU8,
    /// When the first signal came, on the clock of `now`; 0 before it.
    first: AtomicU64,
}

const NOBODY: u8 = 0;
const INTERRUPT: u8 = 1;
const ANY: u8 = 2;
const NEVER: u8 = 3;

impl Repeats {
    /// No shutdown is going on.
    pub(crate) const fn none() -> Self {
        Self { forced_exit: AtomicU8::new(NOBODY), first: AtomicU64::new(0) }
    }

    pub(crate) fn of(forced_exit: ForcedExit) -> Self {
        let code = match forced_exit {
            ForcedExit::Interrupt => INTERRUPT,
            ForcedExit::Any => ANY,
            ForcedExit::Never => NEVER,
        };
        Self { forced_exit: AtomicU8::new(code), ..Self::none() }
    }

    pub(crate) fn are_counted(&self) -> bool {
        // Acquire: whoever sees the code sees the time.
        self.forced_exit.load(Ordering::Acquire) != NOBODY
    }

    pub(crate) fn stop(&self) {
        self.forced_exit.store(NOBODY, Ordering::Relaxed);
    }

    /// Goes on as `other` has begun.
    pub(crate) fn take_over(&self, other: &Self) {
        self.first.store(other.first.load(Ordering::Relaxed), Ordering::Relaxed);
        // Release: pairs with `are_counted` and `count`.
        self.forced_exit.store(other.forced_exit.load(Ordering::Relaxed), Ordering::Release);
    }

    /// Async-signal-safe. Does not return where the signal ends the process.
    pub(crate) fn count(&self, signal: i32) {
        let now = now();
        // Relaxed: the number itself is all there is to know.
        let Err(first) =
            self.first.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed)
        else {
            return;
        };
        let forced = match self.forced_exit.load(Ordering::Acquire) {
            INTERRUPT => signal == libc::SIGINT,
            ANY => true,
            _ => false,
        };
        if forced && u128::from(now.saturating_sub(first)) >= SAME_PRESS.as_nanos() {
            low_level::exit(128 + signal);
        }
    }
}

/// Nanoseconds since the first `listen` of the process, never 0.
fn now() -> u64 {
    let elapsed = EPOCH.get().map_or(Duration::ZERO, Instant::elapsed);
    u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX).max(1)
}

static EPOCH: OnceLock<Instant> = OnceLock::new();

/// To be called before the first handler is registered.
pub(crate) fn start_the_clock() {
    EPOCH.get_or_init(Instant::now);
}
