//! What wakes the driver: hooks to be polled, deadlines, the end of a stage.

use std::collections::BTreeSet;
use std::mem;
use std::sync::Arc;
use std::task::{Wake, Waker};

use crate::util::sync::{Mutex, lock};

// Invariants
//
// Q1  The driver's waker is set before it looks at anything. What it looks at is changed before it is
//     woken. So it sees each change, or is woken after it.
// Q2  No waker is cloned, woken or dropped under a lock.

#[derive(Default)]
pub(super) struct ReadyQueue {
    /// The hooks that were woken and wait to be polled.
    woken: Mutex<BTreeSet<usize>>,
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

    /// Takes the hooks that wait to be polled.
    pub(super) fn take(&self) -> BTreeSet<usize> {
        mem::take(&mut lock(&self.woken))
    }

    /// Returns the waker of a hook.
    pub(super) fn waker_of(self: &Arc<Self>, number: usize) -> Waker {
        Waker::from(Arc::new(HookWaker { number, queue: Arc::clone(self) }))
    }
}

struct HookWaker {
    number: usize,
    queue: Arc<ReadyQueue>,
}

impl Wake for HookWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if lock(&self.queue.woken).insert(self.number) {
            self.queue.wake_driver(); // Q1
        }
    }
}
