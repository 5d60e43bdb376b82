//! Which thread waits for the signal if the backend does not.

use std::io;
use std::sync::Arc;
use std::thread::{self, Thread};

use crate::os::{HANDLER_WAKES_WAITERS, Listener};
use crate::sync::{AtomicU8, Ordering};

/// What is known about the backend and the fallback thread: any of the three bits below.
#[derive(Default)]
pub(crate) struct FallbackState(AtomicU8);

/// `listen` has succeeded.
const LISTENING: u8 = 1;
/// The backend has dropped its notifier.
const ABANDONED: u8 = 2;
/// A thread waits, or is about to be started.
const THREAD: u8 = 4;

impl FallbackState {
    /// `listen` succeeds. Returns true if the backend no longer waits.
    pub(crate) fn begin(&self) -> bool {
        self.add(LISTENING) & ABANDONED != 0
    }

    /// The backend no longer waits. Returns true if `listen` has succeeded; else `begin` finds out.
    pub(crate) fn abandon(&self) -> bool {
        self.add(ABANDONED) & LISTENING != 0
    }

    /// Returns true for the one caller that starts the thread.
    pub(super) fn claim_thread(&self) -> bool {
        self.add(THREAD) & THREAD == 0
    }

    /// The thread was refused. Returns true if the backend does not wait either.
    fn give_back_thread(&self) -> bool {
        self.0.fetch_and(!THREAD, Ordering::AcqRel) & ABANDONED != 0
    }

    fn add(&self, bit: u8) -> u8 {
        // AcqRel, here and above: each step happens after the one before.
        self.0.fetch_or(bit, Ordering::AcqRel)
    }
}

/// Starts the fallback thread, unless there is one or none is needed. If the system refuses it and
/// the backend does not wait either, the waiters poll.
pub(crate) fn start_thread(listener: &Arc<Listener>, state: &FallbackState) {
    if HANDLER_WAKES_WAITERS || !state.claim_thread() {
        return;
    }
    if spawn(listener, |_| ()).is_err() && state.give_back_thread() {
        listener.latch().poll_from_now_on();
    }
}

/// Starts a thread that waits for the signal and wakes every waiter. It ends with the signal.
///
/// It leaves the descriptor alone until `begin` returns.
pub(crate) fn spawn(
    listener: &Arc<Listener>,
    begin: impl FnOnce(&Listener) + Send + 'static,
) -> io::Result<Thread> {
    let listener = Arc::clone(listener);
    let watch = move || {
        begin(&listener);
        listener.wait(None);
        listener.wake_all();
    };
    let handle = thread::Builder::new().name("signoff".into()).spawn(watch)?;
    Ok(handle.thread().clone())
}
