//! For a `main` that may return while the hooks run.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{self, Poll};
use std::thread;

use super::job::ExitJob;
use crate::in_flight::tracked_work::is_in_hook;

/// Waits for running hooks: for a `main` that may return before the process exits.
///
/// The process ends with its `main`, and hooks that still run would be cut off. So end `main` with
/// [`join`](Self::join), or in asynchronous code by awaiting the guard. Dropping the guard during a
/// shutdown waits, too. Before a shutdown is requested, dropping it has no effect: the hooks stay
/// armed.
///
/// Joining does not wait for the shutdown request. A `main` that has nothing else to do waits for
/// that first, with `shutdown.wait()` or `shutdown.await`.
///
/// If the guard is dropped during a shutdown by a thread that panics, the exit status is 101.
#[must_use = "a `main` that may return joins the guard, so that hooks are not cut off"]
pub struct ExitGuard {
    pub(super) job: Arc<ExitJob>,
}

impl ExitGuard {
    /// Blocks this thread until the process exits if the shutdown was requested. Returns at once
    /// if it was not.
    pub fn join(self) {
        drop(self);
    }
}

impl Drop for ExitGuard {
    fn drop(&mut self) {
        if self.job.is_requested() && thread::panicking() {
            self.job.has_panicked.store(true, Ordering::Relaxed); // `JOBS` orders it
        }
        // In a hook it would wait for itself.
        while self.job.is_requested() && !is_in_hook() {
            thread::park();
        }
    }
}

/// Does the same as [`join`](ExitGuard::join) without blocking a thread: if the shutdown was
/// requested, the future never resolves.
impl IntoFuture for ExitGuard {
    type Output = ();
    type IntoFuture = Joined;

    fn into_future(self) -> Joined {
        Joined(Some(self))
    }
}

/// The future of an [`ExitGuard`].
#[must_use = "futures do nothing unless polled"]
#[derive(Debug)]
pub struct Joined(Option<ExitGuard>);

impl Future for Joined {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut task::Context<'_>) -> Poll<()> {
        match &self.0 {
            Some(guard) if guard.job.is_requested() => Poll::Pending, // until the process exits
            _ => {
                self.0 = None;
                Poll::Ready(())
            }
        }
    }
}

impl fmt::Debug for ExitGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExitGuard").field("shutdown", &self.job.shutdown).finish_non_exhaustive()
    }
}
