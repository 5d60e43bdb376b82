//! A shutdown of one part of the program.

use std::sync::Arc;

use crate::signal::latch::Latch;
use crate::signal::{Origin, ShutdownSignal};

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
    /// there is one: it wakes the children if the runtime is blocked.
    pub fn child(&self) -> Self {
        let latch = Arc::new(Latch::child_of(Arc::clone(self.latch())));
        let waiter = self.latch().register_child(&latch);
        Self::new(latch, Origin::Parent(self.with_waiter(waiter)))
    }
}
