//! One call of `listen` or `stream`, as a signal handler sees it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::owner::Owner;
use super::wake_fd::WakeFd;
use crate::listen::os::forced_exit::RepeatState;
use crate::listen::target::Target;
use crate::signal::options::ForcedExit;
use crate::signal::reason::Process;

/// What a signal handler needs for one call of `listen` or `stream`. It owns its target: a handler
/// may use it while the last clone of the signal is being dropped.
pub(crate) struct Listener {
    target: Target,
    wake_fd: WakeFd,
    pub(super) repeats: RepeatState,
    /// A forked child has a copy of all this and must not wake its parent.
    owner: Owner,
    /// No clone of the signal is left.
    is_closed: AtomicBool,
}

impl Listener {
    pub(crate) fn new(target: Target, forced_exit: ForcedExit) -> io::Result<Self> {
        Ok(Self {
            target,
            wake_fd: WakeFd::new()?,
            repeats: RepeatState::new(forced_exit),
            owner: Owner::current(),
            is_closed: AtomicBool::new(false),
        })
    }

    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    /// Returns false in a forked child.
    pub(crate) fn in_owner_process(&self) -> bool {
        self.owner.is_current()
    }

    /// Records the signal. Async-signal-safe. Does not return if the signal forces the exit.
    pub(super) fn record(&self, signal: i32, process: Option<Process>, at: Duration) {
        self.repeats.on_signal(signal);
        self.target.record(signal, process, at);
    }

    /// Makes the descriptor readable, if there is something to see. Async-signal-safe.
    pub(super) fn wake_if_set(&self) {
        if self.target.is_set() {
            self.wake_fd.wake();
        }
    }

    /// Makes the descriptor readable: the latch is set.
    pub(crate) fn wake(&self) {
        self.wake_fd.wake();
    }

    /// No clone of the signal is left, so there is nothing to wait for.
    pub(crate) fn close(&self) {
        // Release: pairs with `is_closed`.
        self.is_closed.store(true, Ordering::Release);
        self.wake_fd.wake();
    }

    /// Blocks the thread until there may be something to see, or the deadline has passed.
    pub(crate) fn wait(&self, deadline: Option<Instant>) {
        if self.target.repeats() {
            self.wake_fd.wait_readable();
        } else {
            self.wake_fd.wait(|| self.target.is_set() || self.is_closed(), deadline);
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    /// Wakes the waiters, if there is something to see. Returns whether a backend has nothing left
    /// to wait for.
    pub(crate) fn wake_all(&self) -> bool {
        if self.target.repeats() {
            self.drain();
        }
        self.target.wake_all() || self.is_closed()
    }

    /// F2. A listener that is closed stays readable, so that every thread that waits for it ends.
    fn drain(&self) {
        self.wake_fd.drain();
        if self.is_closed() {
            self.wake_fd.wake();
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wake_fd.as_fd()
    }
}
