//! Wakes the waiters on the thread of the runtime's reactor.
//!
//! No task has to be scheduled between the descriptor and the waiters. The waker that the runtime's
//! reactor calls polls the future, sees the signal, and wakes every waiter.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::{fmt, io};

use super::Notifier;
use super::driver_task::{DriverTask, WakeAll};
use crate::listen::listener::Listener;

impl WakeAll for Listener {
    fn wake_all(&self) -> bool {
        Listener::wake_all(self)
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
/// If `readable` fails, or is ready without the signal, the notifier is dropped.
///
/// For a stream it is polled again after it was ready.
pub(super) fn watch(
    mut readable: impl Future<Output = io::Result<()>> + Unpin + Send + 'static,
    notifier: Notifier,
) -> WatchGuard {
    let repeats = notifier.repeats();
    let readable = poll_fn(move |cx| match ready!(Pin::new(&mut readable).poll(cx)) {
        Ok(()) if repeats => {
            cx.waker().wake_by_ref(); // `run` wakes the stream without the lock, and polls again
            Poll::Pending
        }
        _ => Poll::Ready(()),
    });
    WatchGuard(DriverTask::start(Arc::clone(notifier.listener()), readable, notifier))
}

impl fmt::Debug for WatchGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchGuard").finish_non_exhaustive()
    }
}
