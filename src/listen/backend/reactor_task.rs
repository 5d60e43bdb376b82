//! Waits for a descriptor on the thread of a runtime's reactor, and wakes the waiters there.
//!
//! No task has to be scheduled between the descriptor and the waiters. The waker that the reactor calls
//! polls the backend's future itself, sees the signal, and wakes every waiter.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use crate::util::sync::{AtomicUsize, Mutex, Ordering, lock};

// Invariants
//
// D1  `pending` is 0 while no thread polls. The thread that raises it from 0 polls; others leave it
//     to that thread. It polls again until it can take `pending` from the value it saw back to 0.
// D2  The lock is held while the future is polled, and released before the notifier is dropped: that
//     wakes tasks. A task may drop the signal and with it the `WatchGuard`, which takes the lock.
// D3  After the signal the future is neither polled nor dropped before `stop`. Giving the descriptor
//     back to the runtime first would delay the waiters.

/// Where the signal is seen.
pub(super) trait WakeAll: Send + Sync + 'static {
    /// Wakes every waiter, if the signal has come. Returns whether there is nothing to wait for.
    fn wake_all(&self) -> bool;

    /// Whether more signals count after the first one.
    fn repeats(&self) -> bool;
}

/// Polls a future until the signal has come. If the future fails, or is ready without the signal, the
/// notifier is dropped. For a stream, the future is polled again after it was ready.
pub(super) struct ReactorTask<L, N> {
    listener: Arc<L>,
    task: Mutex<Option<Task<N>>>,
    pending: AtomicUsize,
}

type Task<N> = (Pin<Box<dyn Future<Output = io::Result<()>> + Send>>, N);

impl<L: WakeAll, N: Send + 'static> ReactorTask<L, N> {
    pub(super) fn start(
        listener: Arc<L>,
        readable: impl Future<Output = io::Result<()>> + Send + 'static,
        notifier: N,
    ) -> Arc<Self> {
        let task = Mutex::new(Some((Box::pin(readable) as _, notifier)));
        let this = Arc::new(Self { listener, task, pending: AtomicUsize::new(0) });
        this.run();
        this
    }

    pub(super) fn stop(&self) {
        let task = lock(&self.task).take();
        drop(task); // D2
    }

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
        match readable.as_mut().poll(cx) {
            Poll::Pending => {}
            Poll::Ready(Ok(())) if self.listener.repeats() => cx.waker().wake_by_ref(), // D1
            Poll::Ready(_) => {
                let done = task.take();
                drop(task); // D2
                drop(done);
            }
        }
    }
}

impl<L: WakeAll, N: Send + 'static> Wake for ReactorTask<L, N> {
    fn wake(self: Arc<Self>) {
        self.run();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.run();
    }
}
