//! The hooks that were woken and wait to be polled.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Wake, Waker};

use crate::sync::{AtomicBool, Mutex, Ordering, lock};

// Invariants
//
// Q1  A hook that was woken is in `woken` once. It is pushed before the driver is woken, and the
//     driver's waker is set before `woken` is emptied.
// Q2  No waker is cloned, woken or dropped under a lock.

#[derive(Default)]
pub(super) struct ReadyQueue {
    woken: Mutex<VecDeque<usize>>,
    driver: Mutex<Option<Waker>>,
}

impl ReadyQueue {
    pub(super) fn set_driver(&self, waker: Waker) {
        let old = lock(&self.driver).replace(waker);
        drop(old); // Q2
    }

    pub(super) fn wake_driver(&self) {
        let driver = lock(&self.driver).take();
        driver.into_iter().for_each(Waker::wake); // Q2
    }

    pub(super) fn len(&self) -> usize {
        lock(&self.woken).len()
    }

    pub(super) fn pop(&self) -> Option<usize> {
        lock(&self.woken).pop_front()
    }

    fn push(&self, number: usize) {
        lock(&self.woken).push_back(number);
    }
}

/// The waker of one hook.
pub(super) struct HookWaker {
    number: usize,
    /// Whether `number` is in the queue (Q1).
    queued: AtomicBool,
    queue: Arc<ReadyQueue>,
}

impl HookWaker {
    pub(super) fn new(number: usize, queue: &Arc<ReadyQueue>) -> Arc<Self> {
        Arc::new(Self { number, queued: AtomicBool::new(false), queue: Arc::clone(queue) })
    }

    /// Returns the waker for the next poll, which may queue the hook again.
    pub(super) fn arm(self: &Arc<Self>) -> Waker {
        // Acquire: a wake that found the hook queued made its writes visible to this poll.
        self.queued.swap(false, Ordering::AcqRel);
        Waker::from(Arc::clone(self))
    }
}

impl Wake for HookWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Release: pairs with `arm`.
        if !self.queued.swap(true, Ordering::AcqRel) {
            self.queue.push(self.number); // Q1
            self.queue.wake_driver();
        }
    }
}
