//! Why and when a latch was set.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::signal::Signal;
use crate::signal::reason::{Process, Reason};
use crate::util::clock::{self, Timestamp};
use crate::util::sync::{AtomicI32, AtomicU32};

// Both are written once by the caller that sets the latch, and read when the latch is set. Publishing
// that orders the two, so everything here is relaxed.

/// When the latch was set, and the message of a request. Without it, the cause is a signal.
#[derive(Default)]
pub(super) struct Cause {
    at: Timestamp,
    message: OnceLock<Arc<str>>,
}

impl Cause {
    pub(super) fn set_request(&self, message: Arc<str>) {
        self.at.set(clock::elapsed());
        let _ = self.message.set(message); // it was empty
    }

    /// Async-signal-safe.
    #[cfg(any(feature = "__signal", loom))]
    pub(super) fn set_signal_at(&self, at: Duration) {
        self.at.set(at);
    }

    pub(super) fn at(&self) -> Duration {
        self.at.get()
    }

    /// `None` for a signal.
    pub(super) fn request(&self) -> Option<Reason> {
        self.message.get().map(|message| Reason::Request(Arc::clone(message)))
    }
}

/// The signal that set the latch.
#[derive(Default)]
pub(super) struct SignalCause {
    signal: AtomicI32,
    /// 0 if the sender is not known.
    pid: AtomicU32,
    uid: AtomicU32,
}

impl SignalCause {
    /// Async-signal-safe.
    #[cfg(any(feature = "__signal", loom))]
    pub(super) fn set(&self, signal: i32, process: Option<Process>) {
        let (pid, uid) = process.map_or((0, 0), |process| (process.pid, process.uid));
        self.signal.store(signal, Relaxed);
        self.pid.store(pid, Relaxed);
        self.uid.store(uid, Relaxed);
    }

    pub(super) fn reason(&self) -> Reason {
        let (pid, uid) = (self.pid.load(Relaxed), self.uid.load(Relaxed));
        let sender = (pid != 0).then_some(Process { pid, uid });
        Reason::Signal { signal: Signal::from_raw(self.signal.load(Relaxed)), sender }
    }
}
