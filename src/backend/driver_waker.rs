//! Wakes the waiters on the thread of the runtime's reactor.
//!
//! No task has to be scheduled between the descriptor and the waiters. The waker that the runtime's
//! reactor calls polls the future, sees the signal, and wakes every waiter.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use super::Notifier;
use super::driver_task::{DriverTask, WakeAll};
use crate::os::Listener;

impl WakeAll for Listener {
    fn wake_all(&self) -> bool {
        self.wake_all()
    }
}

/// Waits until it is dropped.
pub struct WatchGuard(Arc<DriverTask<Listener, Notifier>>);

impl Drop for WatchGuard {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Polls `readable` on whichever thread wakes it, until the signal has come, and wakes every waiter.
/// If `readable` is ready without the signal, the runtime has ended, and the notifier is dropped.
pub(super) fn watch(
    readable: impl Future<Output = ()> + Send + 'static,
    notifier: Notifier,
) -> WatchGuard {
    WatchGuard(DriverTask::start(Arc::clone(notifier.listener()), readable, notifier))
}

impl fmt::Debug for WatchGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchGuard").finish_non_exhaustive()
    }
}
