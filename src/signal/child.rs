//! A shutdown of one part of the program: a latch that is set together with the one above it.
//!
//! A child asks the latches above it, so it is never behind them. To be woken, it registers its own latch
//! as a waker with its parent. A program may do `shutdown = shutdown.child()` in a loop, so nothing here
//! recurses along the chain: not asking, not setting, not waking, not dropping.

use std::cell::RefCell;
use std::mem;
use std::sync::Arc;
use std::task::{Wake, Waker};

use crate::signal::latch::Latch;
use crate::signal::waiters::{Waiter, Waiters};
use crate::signal::{Inner, Origin, ShutdownSignal};
use crate::util::sync::thread_local;

// Invariants
//
// P1  A child is set as soon as it is asked and a latch above it is set. Nothing else has to run in
//     between, so a child is never seen behind its parent.
// P2  The waker that a child registers with its parent wakes the waiters of the child (L5).

impl ShutdownSignal {
    /// Makes a signal for one part of the program.
    ///
    /// It is requested when its parent is, with the same reason. [`request`](Self::request) and
    /// [`fail`](Self::fail) on it stop that part only: the parent does not change. A child can have
    /// children of its own.
    ///
    /// ```
    /// # use signoff::ShutdownSignal;
    /// let shutdown = ShutdownSignal::manual();
    /// let [first, second] = [shutdown.child(), shutdown.child()];
    ///
    /// first.request("replaced");
    /// assert!(!shutdown.is_requested() && !second.is_requested());
    ///
    /// shutdown.request("deploy");
    /// assert_eq!(second.wait().to_string(), "request: deploy");
    /// assert_eq!(first.wait().to_string(), "request: replaced"); // the first request wins
    /// ```
    ///
    /// A child is never behind its parent: as soon as [`is_requested`](Self::is_requested) is true
    /// for the parent, it is true for the child. It takes one atomic load for each level.
    ///
    /// A child keeps the program listening, as a clone does. Dropping it leaves nothing behind in
    /// the parent. A child takes about 240 bytes, so one for each connection is fine.
    ///
    /// The first [`wait`](Self::wait) on a child of a signal that listens starts a thread, unless
    /// there is one: it wakes the children if the runtime is blocked. If the system refuses the thread,
    /// `wait` looks for the request every 2 ms.
    #[doc(alias = "child_token")]
    pub fn child(&self) -> Self {
        let latch = Arc::new(Latch::child_of(Arc::clone(self.latch())));
        // P2. If the parent is set already, the child has no waiters yet and needs no waker.
        let key = self.latch().register(Waker::from(Arc::clone(&latch)));
        let waiter = key.map_or_else(Waiter::default, |key| Waiter::default().at(key));
        Self::new(latch, Origin::Parent { inner: Arc::clone(&self.inner), waiter })
    }
}

impl Drop for Inner {
    /// Drops the signals above in a loop.
    fn drop(&mut self) {
        let mut origin = mem::replace(&mut self.origin, Origin::Manual);
        while let Origin::Parent { inner, mut waiter } = origin {
            inner.latch.deregister(&mut waiter);
            let Some(mut parent) = Arc::into_inner(inner) else { break };
            origin = mem::replace(&mut parent.origin, Origin::Manual);
        }
    }
}

impl Drop for Latch {
    /// Drops the latches above in a loop.
    fn drop(&mut self) {
        let mut above = self.parent.take();
        while let Some(latch) = above {
            above = Arc::into_inner(latch).and_then(|mut latch| latch.parent.take());
        }
    }
}

impl Latch {
    /// A latch that is set when `parent` is set. It is small, because there may be many.
    pub(crate) fn child_of(parent: Arc<Self>) -> Self {
        Self::new(Waiters::small(), Some(parent))
    }

    /// Sets the latch if one above it is set (P1). Returns whether that is so.
    #[inline(never)]
    pub(super) fn inherit(&self) -> bool {
        let Some(unset) = self.lineage().position(Self::is_set_itself) else { return false };
        // From the top down, so that each has the cause of its parent.
        let path: Vec<_> = self.lineage().take(unset).collect();
        path.into_iter().rev().for_each(Self::set_by_parent);
        true
    }

    /// Wakes the waiters, and then those of every child that is one of them (P2).
    pub(super) fn wake_with_children(&self) {
        let outer = to_wake(|children| children.replace(Vec::new()));
        self.wake_waiters();
        while let Some(child) = to_wake(|children| children.as_mut()?.pop()).flatten() {
            child.is_set(); // P1
            child.wake_waiters();
        }
        to_wake(|children| *children = outer.flatten());
    }
}

type Children = Option<Vec<Arc<Latch>>>;

thread_local! {
    #[allow(clippy::missing_const_for_thread_local, reason = "loom's has no const form")]
    /// The children that `wake_with_children`, if it runs on this thread, is about to wake.
    static TO_WAKE: RefCell<Children> = RefCell::new(None);
}

/// Returns `None` while the thread drops its thread-local values.
fn to_wake<T>(f: impl FnOnce(&mut Children) -> T) -> Option<T> {
    TO_WAKE.try_with(|children| f(&mut children.borrow_mut())).ok()
}

impl Wake for Latch {
    fn wake(self: Arc<Self>) {
        let mut child = Some(self);
        to_wake(|children| children.as_mut().map(|children| children.extend(child.take())));
        if let Some(child) = child {
            child.wake_all();
        }
    }
}
