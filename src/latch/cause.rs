//! Why and when a latch was set.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock};
#[cfg(any(feature = "__signal", loom))]
use std::time::Duration;
use std::time::Instant;

use crate::clock::{self, Timestamp};
use crate::reason::{Process, Reason};
use crate::signal::Signal;
use crate::sync::{AtomicI32, AtomicU32};

/// Written once by the caller that sets the latch, and read when the latch is set. Publishing that
/// orders the two, so everything here is relaxed.
#[derive(Default)]
pub(crate) struct Cause {
    at: Timestamp,
    /// The message of a request. Without it, the cause is a signal.
    message: OnceLock<Arc<str>>,
    signal: AtomicI32,
    /// 0 if the sender is not known.
    pid: AtomicU32,
    uid: AtomicU32,
}

impl Cause {
    /// Async-signal-safe.
    #[cfg(any(feature = "__signal", loom))]
    pub(crate) fn set_signal(&self, signal: i32, process: Option<Process>, at: Duration) {
        let (pid, uid) = process.map_or((0, 0), |process| (process.pid, process.uid));
        self.at.set(at);
        self.signal.store(signal, Relaxed);
        self.pid.store(pid, Relaxed);
        self.uid.store(uid, Relaxed);
    }

    pub(crate) fn set_request(&self, message: Arc<str>) {
        self.at.set(clock::elapsed());
        let _ = self.message.set(message); // it was empty
    }

    pub(crate) fn copy_from(&self, other: &Self) {
        self.at.copy_from(&other.at);
        if let Some(message) = other.message.get() {
            let _ = self.message.set(Arc::clone(message)); // it was empty
        }
        self.signal.store(other.signal.load(Relaxed), Relaxed);
        self.pid.store(other.pid.load(Relaxed), Relaxed);
        self.uid.store(other.uid.load(Relaxed), Relaxed);
    }

    pub(crate) fn at(&self) -> Instant {
        self.at.get()
    }

    pub(crate) fn reason(&self) -> Reason {
        if let Some(message) = self.message.get() {
            return Reason::Request(Arc::clone(message));
        }
        let signal = Signal::from_raw(self.signal.load(Relaxed));
        let (pid, uid) = (self.pid.load(Relaxed), self.uid.load(Relaxed));
        Reason::Signal { signal, sender: (pid != 0).then_some(Process { pid, uid }) }
    }

    /// `None` for a request.
    #[cfg(feature = "__signal")]
    pub(crate) fn signal(&self) -> Option<Signal> {
        let is_by_signal = self.message.get().is_none();
        is_by_signal.then(|| Signal::from_raw(self.signal.load(Relaxed)))
    }
}
