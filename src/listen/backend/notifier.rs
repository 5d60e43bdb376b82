//! The argument of `Backend::watch`.

use std::future::Future;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::{fmt, io};

use super::reactor_task::{ReactorTask, WakeAll};
use crate::listen::listener::Listener;
use crate::signal::Signal;

/// The descriptor that a signal handler makes readable, and the task of waking the waiters then.
///
/// `AsFd` gives the descriptor. On Windows there is none, and a backend only keeps this. See [`Backend`](crate::Backend) for how to use it.
pub struct Notifier {
    listener: Arc<Listener>,
    signals: Vec<Signal>,
}

impl Notifier {
    pub(crate) fn new(listener: Arc<Listener>, signals: Vec<Signal>) -> Self {
        Self { listener, signals }
    }

    /// Wakes the waiters: the descriptor is readable.
    ///
    /// Returns `Break` if there is nothing left to wait for: drop the notifier. Returns `Continue` if
    /// the backend has to wait for the descriptor again: for a [`SignalStream`](crate::SignalStream),
    /// which takes every signal, and if this was called too early, which is harmless.
    #[must_use = "after `Continue` the backend has to wait for the descriptor again"]
    pub fn notify(&self) -> ControlFlow<()> {
        if self.listener.wake_all() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Returns the signals that are listened to, without those that are left ignored.
    #[must_use]
    pub fn signals(&self) -> &[Signal] {
        &self.signals
    }

    pub(super) fn listener(&self) -> &Arc<Listener> {
        &self.listener
    }

    /// Wakes the waiters when `readable` is ready, on the thread that wakes it.
    pub(super) fn watch(
        self,
        readable: impl Future<Output = io::Result<()>> + Send + 'static,
    ) -> WatchGuard {
        WatchGuard(ReactorTask::start(Arc::clone(&self.listener), readable, self))
    }
}

impl WakeAll for Listener {
    fn wake_all(&self) -> bool {
        Self::wake_all(self)
    }

    fn repeats(&self) -> bool {
        self.target().repeats()
    }
}

/// Waits until it is dropped.
pub struct WatchGuard(Arc<ReactorTask<Listener, Notifier>>);

impl Drop for WatchGuard {
    fn drop(&mut self) {
        self.0.stop();
    }
}

impl fmt::Debug for WatchGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchGuard").finish_non_exhaustive()
    }
}

#[cfg(unix)]
impl std::os::fd::AsFd for Notifier {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.listener.as_fd()
    }
}

impl Drop for Notifier {
    fn drop(&mut self) {
        // A forked child shares the descriptor with its parent and must not read from it.
        if !self.listener.in_owner_process() {
            return;
        }
        if !self.listener.wake_all() {
            self.listener.abandon();
        }
    }
}

impl fmt::Debug for Notifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notifier").field("signals", &self.signals).finish_non_exhaustive()
    }
}
