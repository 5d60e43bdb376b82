//! What a backend gets.

use std::fmt;
use std::sync::Arc;

use super::{FallbackState, start_thread};
use crate::os::Listener;
use crate::signal::Signal;

/// The descriptor that a signal handler makes readable, and the duty to wake the waiters then.
///
/// `AsFd` gives the descriptor. On Windows there is none, and a backend only keeps this. See [`Backend`](crate::Backend) for how to use it.
pub struct Notifier {
    listener: Arc<Listener>,
    fallback: Arc<FallbackState>,
    signals: Vec<Signal>,
}

impl Notifier {
    pub(crate) fn new(
        listener: Arc<Listener>,
        fallback: Arc<FallbackState>,
        signals: Vec<Signal>,
    ) -> Self {
        Self { listener, fallback, signals }
    }

    /// Wakes every waiter: the descriptor is readable.
    ///
    /// Calling this early is harmless: it wakes no waiter, and a thread waits for the signal
    /// instead, as if the notifier was dropped.
    pub fn notify(self) {
        drop(self);
    }

    /// Returns the signals that are listened to, without those that are left ignored.
    #[must_use]
    pub fn signals(&self) -> &[Signal] {
        &self.signals
    }

    #[cfg(all(
        unix,
        any(feature = "tokio", feature = "async-std", feature = "smol", feature = "blocking")
    ))]
    pub(super) fn listener(&self) -> &Arc<Listener> {
        &self.listener
    }

    #[cfg(all(unix, feature = "blocking"))]
    pub(super) fn fallback(&self) -> &FallbackState {
        &self.fallback
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
        let is_over = self.listener.wake_all() || !self.listener.in_owner_process();
        if !is_over && self.fallback.abandon() {
            start_thread(&self.listener, &self.fallback);
        }
    }
}

impl fmt::Debug for Notifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notifier").field("signals", &self.signals).finish_non_exhaustive()
    }
}
