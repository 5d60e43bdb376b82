//! Polls a future on the thread that wakes it.
//!
//! No task has to be scheduled between the descriptor and the waiters. The waker that the runtime's
//! reactor calls polls the future, sees the signal, and wakes every waiter.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use super::Notifier;
use crate::os::Listener;
use crate::sync::{Mutex, lock};

// Invariants
//
// D1  `pending` is 0 while no thread polls. The thread that raises it from 0 polls; others leave it
//     to that thread. It polls again until it can take `pending` from the value it saw back to 0.
// D2  The lock is held while the future is polled, and released before the notifier is dropped: that
//     wakes tasks. A task may drop the signal and with it the `WatchGuard`, which takes the lock.
// D3  After the signal the future is neither polled nor dropped before the `WatchGuard` is. Giving
//     the descriptor back to the runtime first would delay the waiters.

/// Waits until it is dropped.
pub struct WatchGuard(Arc<DriverTask>);

impl Drop for WatchGuard {
    fn drop(&mut self) {
        let task = lock(&self.0.task).take();
        drop(task); // D2
    }
}

struct DriverTask {
    listener: Arc<Listener>,
    task: Mutex<Option<Task>>,
    pending: AtomicUsize,
}

type Task = (Pin<Box<dyn Future<Output = ()> + Send>>, Notifier);

/// Polls `readable` on whichever thread wakes it, until the signal has come, and wakes every waiter.
/// If `readable` is ready without the signal, the runtime has ended, and the notifier is dropped.
pub(super) fn watch(
    readable: impl Future<Output = ()> + Send + 'static,
    notifier: Notifier,
) -> WatchGuard {
    let driver_task = Arc::new(DriverTask {
        listener: Arc::clone(notifier.listener()),
        task: Mutex::new(Some((Box::pin(readable), notifier))),
        pending: AtomicUsize::new(0),
    });
    driver_task.run();
    WatchGuard(driver_task)
}

impl DriverTask {
    fn run(self: &Arc<Self>) {
        // Acquire and release on both ends: one thread polls after the other (D1).
        if self.pending.fetch_add(1, Ordering::AcqRel) > 0 {
            return;
        }
        let waker = Waker::from(Arc::clone(self));
        let mut seen = 1;
        loop {
            if !self.listener.wake_all() {
                self.poll(&mut Context::from_waker(&waker)); // D3
            }
            match self.pending.compare_exchange(seen, 0, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return,
                Err(more) => seen = more,
            }
        }
    }

    fn poll(&self, cx: &mut Context<'_>) {
        let mut task = lock(&self.task);
        let Some((readable, _)) = task.as_mut() else { return };
        if readable.as_mut().poll(cx) == Poll::Ready(()) {
            let done = task.take();
            drop(task); // D2
            drop(done);
        }
    }
}

impl Wake for DriverTask {
    fn wake(self: Arc<Self>) {
        self.run();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.run();
    }
}

impl fmt::Debug for WatchGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchGuard").finish_non_exhaustive()
    }
}
