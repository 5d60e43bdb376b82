//! A latch that is set together with another one.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Wake, Waker};

use super::{Latch, Role, Waiters};
use crate::signal::waiter::Waiter;

// Invariants
//
// P1  A child is set as soon as it is asked and its parent is set. Nothing else has to run in
//     between, so a child is never seen behind its parent.
// P2  The waker that a child registers with its parent wakes the waiters of the child (L5).

/// The latch above.
pub(super) struct Parent {
    latch: Arc<Latch>,
    /// The child was set with its parent, for the same reason.
    is_inherited: AtomicBool,
}

impl Latch {
    /// A latch that is set when `latch` is set. It is small, because there may be many.
    pub(crate) fn child_of(latch: Arc<Self>) -> Self {
        let parent = Parent { latch, is_inherited: AtomicBool::new(false) };
        Self::new(Waiters::small(), Role::Child(parent))
    }

    /// Registers the waker of a child until the latch is set or `deregister` removes it (P2).
    pub(crate) fn register_child(&self, child: &Arc<Self>) -> Waiter {
        let waker = Waker::from(Arc::clone(child));
        let Some(key) = self.waiters.insert(waker, || self.can_wait()) else {
            child.wake_by_ref();
            return Waiter::default();
        };
        self.start_watching();
        Waiter::default().at(key)
    }

    /// Sets the latch if its parent is set (P1). Returns whether that is so.
    #[inline]
    pub(super) fn inherit(&self) -> bool {
        self.parent().is_some_and(|parent| parent.latch.is_set() && self.set_by(parent))
    }

    fn set_by(&self, parent: &Parent) -> bool {
        if self.claim() {
            // Relaxed: `publish` releases it.
            parent.is_inherited.store(true, Relaxed);
            self.publish();
        } else {
            self.wait_for_winner();
        }
        true
    }
}

impl Parent {
    /// The latch above, if the child was set with it.
    pub(super) fn inherited(&self) -> Option<&Latch> {
        // Relaxed: the state of the child was acquired.
        self.is_inherited.load(Relaxed).then_some(&*self.latch)
    }

    pub(super) fn failure(&self) -> Option<&Arc<str>> {
        self.latch.failure()
    }
}

/// P2. The parent is set, or nothing will wake it any more.
impl Wake for Latch {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.wake_all() {
            self.poll_from_now_on();
        }
    }
}
