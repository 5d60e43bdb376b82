//! Polls a future on the very thread that wakes it.
//!
//! Between the notifier and those who wait for it there is no task that would have to be scheduled
//! first: the waker that the runtime's driver calls polls the future, finds that the notifier has
//! rung, and announces it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use super::Notifier;
use crate::handler::Line;

// Invariants
//
// D1  `wakes` is 0 while nobody polls. Whoever raises it from 0 polls; the others leave it to that
//     one, which polls again until it can take `wakes` from what it saw back to 0.
// D2  The lock is held while the future is polled and not while the notifier is dropped: that wakes
//     tasks, and they may drop the signal and with it the `Watch`, which takes the lock.
// D3  Once the notifier has rung the future is neither polled again nor dropped before the `Watch` is:
//     taking the descriptor back from the runtime would only keep those waiting who are to be
//     woken.

/// Watches until it is dropped.
pub struct Watch(Arc<OnDriver>);

impl Drop for Watch {
    fn drop(&mut self) {
        let job = self.0.job.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(job); // D2
    }
}

struct OnDriver {
    line: Arc<Line>,
    job: Mutex<Option<Job>>,
    wakes: AtomicUsize,
}

type Job = (Pin<Box<dyn Future<Output = ()> + Send>>, Notifier);

/// Polls `readable`, on whichever thread wakes it, until the notifier has rung, and then announces
/// that. Where `readable` is ready without it, the runtime is gone and the notifier is handed back.
pub(crate) fn watch(readable: impl Future<Output = ()> + Send + 'static, notifier: Notifier) -> Watch {
    let driven = Arc::new(OnDriver {
        line: notifier.line(),
        job: Mutex::new(Some((Box::pin(readable), notifier))),
        wakes: AtomicUsize::new(0),
    });
    driven.run();
    Watch(driven)
}

impl OnDriver {
    fn run(self: &Arc<Self>) {
        // Acquire and release on both ends: one polls after the other (D1).
        if self.wakes.fetch_add(1, Ordering::AcqRel) > 0 {
            return;
        }
        let waker = Waker::from(Arc::clone(self));
        let mut seen = 1;
        loop {
            if !self.line.announce() {
                self.poll(&mut Context::from_waker(&waker)); // D3
            }
            match self.wakes.compare_exchange(seen, 0, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return,
                Err(more) => seen = more,
            }
        }
    }

    fn poll(&self, cx: &mut Context<'_>) {
        let mut job = self.job.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((readable, _)) = job.as_mut() else { return };
        if readable.as_mut().poll(cx) == Poll::Ready(()) {
            let done = job.take();
            drop(job); // D2
            drop(done);
        }
    }
}

impl Wake for OnDriver {
    fn wake(self: Arc<Self>) {
        self.run();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.run();
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}
