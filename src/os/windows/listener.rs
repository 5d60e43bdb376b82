//! One call of `listen`, as the console handler sees it.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::block_on::block_on;
use crate::latch::Latch;
use crate::options::ForcedExit;
use crate::os::forced_exit::RepeatState;
use crate::signal::Signal;
use crate::waiter::Waiter;

/// What the handler needs for one call of `listen`. It owns its latch: the handler may use it while
/// the last clone of the signal is being dropped.
pub(crate) struct Listener {
    latch: Arc<Latch>,
    pub(super) repeats: RepeatState,
}

#[allow(clippy::unused_self, reason = "the same names as on Unix")]
impl Listener {
    #[allow(clippy::unnecessary_wraps, reason = "the same names as on Unix")]
    pub(crate) fn new(latch: Arc<Latch>, forced_exit: ForcedExit) -> io::Result<Self> {
        Ok(Self { latch, repeats: RepeatState::new(forced_exit) })
    }

    pub(crate) fn latch(&self) -> &Latch {
        &self.latch
    }

    /// Returns true: there is no fork.
    pub(crate) fn in_owner_process(&self) -> bool {
        true
    }

    /// Records the event. Does not return if it forces the exit.
    pub(super) fn record(&self, signal: Signal, at: Duration) {
        self.repeats.on_signal(signal.as_raw());
        self.latch.set_by_signal(signal.as_raw(), None, at);
    }

    /// Nothing to do: threads in `wait` are waiters of the latch.
    pub(crate) fn wake(&self) {}

    /// Nothing to do: without a clone of the signal there is no waiter.
    pub(crate) fn close(&self) {}

    /// Blocks the thread until the latch is set or the deadline has passed.
    pub(crate) fn wait(&self, deadline: Option<Instant>) {
        let mut waiter = Waiter::default();
        block_on(poll_fn(|cx| self.latch.poll(&mut waiter, cx)), deadline);
        self.latch.deregister(&mut waiter);
    }

    /// Wakes every waiter, if the latch is set. Returns whether it is.
    pub(crate) fn wake_all(&self) -> bool {
        self.latch.wake_all()
    }
}
