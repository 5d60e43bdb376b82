//! Where hooks that were woken wait to be polled.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};

use crate::sync::{Mutex, lock};

// Invariants
//
// B1  A hook that was woken is in `woken` once. It gets there before the executor is told, and the
//     executor's waker is put in place before `woken` is emptied.
// B2  No waker is cloned, woken or dropped under a lock.

#[derive(Default)]
pub(super) struct Bench {
    woken: Mutex<VecDeque<usize>>,
    executor: Mutex<Option<Waker>>,
}

impl Bench {
    /// Returns the waker that was there; the caller drops it when it holds no lock (B2).
    pub(super) fn sit(&self, waker: Waker) -> Option<Waker> {
        lock(&self.executor).replace(waker)
    }

    pub(super) fn len(&self) -> usize {
        lock(&self.woken).len()
    }

    pub(super) fn next(&self) -> Option<usize> {
        lock(&self.woken).pop_front()
    }

    pub(super) fn add(&self, number: usize) {
        lock(&self.woken).push_back(number);
    }

    pub(super) fn wake_executor(&self) {
        let executor = lock(&self.executor).take();
        executor.into_iter().for_each(Waker::wake); // B2
    }
}

/// The waker of one hook.
pub(super) struct Bell {
    number: usize,
    /// Whether `number` is among the woken (B1).
    has_rung: AtomicBool,
    bench: Arc<Bench>,
}

impl Bell {
    pub(super) fn new(number: usize, bench: &Arc<Bench>) -> Arc<Self> {
        Arc::new(Self { number, has_rung: AtomicBool::new(false), bench: Arc::clone(bench) })
    }

    /// From here on it may ring again.
    pub(super) fn answer(self: &Arc<Self>) -> Waker {
        // Acquire: whoever found it rung, and left it so, has its writes seen by the poll.
        self.has_rung.swap(false, Ordering::AcqRel);
        Waker::from(Arc::clone(self))
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Release: pairs with `answer`.
        if !self.has_rung.swap(true, Ordering::AcqRel) {
            self.bench.add(self.number); // B1
            self.bench.wake_executor();
        }
    }
}
