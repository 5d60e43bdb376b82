#![doc = include_str!("../../../features/blocking.md")]

use std::thread::{self, Thread};

use super::{Backend, Notifier, fallback};
use crate::error::Error;
use crate::listen::listener::Listener;

/// No runtime: a thread waits for the signal.
///
/// The signal can be awaited on any executor, and waited for without one.
#[derive(Debug, Clone, Copy, Default)]
pub struct Blocking;

impl Backend for Blocking {
    type Watch = ThreadGuard;

    fn watch(self, notifier: Notifier) -> Result<ThreadGuard, Error> {
        let listener = notifier.listener();
        notifier.fallback().claim_thread();
        let thread = fallback::spawn(listener, park_until_first_waiter).map_err(Error::Thread)?;
        listener.target().set_thread(thread.clone());
        Ok(ThreadGuard { _notifier: notifier, thread })
    }
}

/// Only wakers need the thread. The signal itself wakes threads that block in `wait`, and a second
/// thread that runs at the same moment would slow them down.
fn park_until_first_waiter(listener: &Listener) {
    while !listener.is_closed() && !listener.target().is_watching() {
        thread::park();
    }
}

/// Keeps the thread until it is dropped.
#[derive(Debug)]
pub struct ThreadGuard {
    _notifier: Notifier,
    thread: Thread,
}

impl Drop for ThreadGuard {
    fn drop(&mut self) {
        self.thread.unpark(); // the signal has no clones left, so the thread ends
    }
}
