//! One call of `listen` or `stream`, as the console handler sees it.

use std::future::poll_fn;
use std::io;
use std::time::{Duration, Instant};

use crate::listen::os::forced_exit::RepeatState;
use crate::listen::target::Target;
use crate::signal::Signal;
use crate::signal::options::ForcedExit;
use crate::signal::waiter::Waiter;
use crate::util::block_on::block_on;

/// What the handler needs for one call of `listen` or `stream`. It owns its target: the handler may
/// use it while the last clone of the signal is being dropped.
pub(crate) struct Listener {
    target: Target,
    pub(super) repeats: RepeatState,
}

#[allow(clippy::unused_self, reason = "the same names as on Unix")]
impl Listener {
    #[allow(clippy::unnecessary_wraps, reason = "the same names as on Unix")]
    pub(crate) fn new(target: Target, forced_exit: ForcedExit) -> io::Result<Self> {
        Ok(Self { target, repeats: RepeatState::new(forced_exit) })
    }

    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    /// Returns true: there is no fork.
    pub(crate) fn in_owner_process(&self) -> bool {
        true
    }

    /// Records the event. Does not return if it forces the exit.
    pub(super) fn record(&self, signal: Signal, at: Duration) {
        self.repeats.on_signal(signal.as_raw());
        self.target.record(signal.as_raw(), None, at);
    }

    /// Nothing to do: threads in `wait` are waiters of the latch.
    pub(crate) fn wake(&self) {}

    /// Nothing to do: without a clone of the signal there is no waiter.
    pub(crate) fn close(&self) {}

    /// Blocks the thread until the latch is set or the deadline has passed.
    pub(crate) fn wait(&self, deadline: Option<Instant>) {
        if let Target::Latch(latch) = &self.target {
            let mut waiter = Waiter::default();
            block_on(poll_fn(|cx| latch.poll(&mut waiter, cx)), deadline);
            latch.deregister(&mut waiter);
        }
    }

    /// Wakes the waiters, if there is something to see. Returns whether no other event counts.
    pub(crate) fn wake_all(&self) -> bool {
        self.target.wake_all()
    }
}
