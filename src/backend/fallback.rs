//! Which thread waits for the signal if the backend does not.

use std::io;
use std::sync::Arc;
use std::thread::{self, Thread};

use crate::os::Listener;
use crate::sync::{AtomicU8, Ordering};

/// Whether the backend waits for the signal, or the fallback thread.
#[derive(Default)]
pub(crate) struct FallbackState(AtomicU8);

/// `listen` has not returned yet.
const STARTING: u8 = 0;
/// The backend has dropped its notifier before `listen` returned.
const ABANDONED: u8 = 1;
const BACKEND: u8 = 2;
const THREAD: u8 = 3;

impl FallbackState {
    /// `listen` succeeds. Returns true if the caller has to start the thread.
    pub(crate) fn begin(&self) -> bool {
        // AcqRel, here and below: each step happens after the one before.
        self.0.swap(BACKEND, Ordering::AcqRel) == ABANDONED
    }

    /// The backend no longer waits. Returns true if the caller has to start the thread.
    pub(crate) fn abandon(&self) -> bool {
        let _ = self.step(STARTING, ABANDONED); // then `begin` finds it, unless `listen` fails
        self.is_backend()
    }

    fn is_backend(&self) -> bool {
        self.0.load(Ordering::Acquire) == BACKEND
    }

    /// Returns true for the one caller that starts the thread.
    fn take_over(&self) -> bool {
        self.step(BACKEND, THREAD)
    }

    /// The thread was refused.
    fn give_back(&self) {
        let _ = self.step(THREAD, BACKEND);
    }

    fn step(&self, from: u8, to: u8) -> bool {
        self.0.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

/// The backend no longer waits. If the system refuses the thread, the waiters poll.
pub(crate) fn wait_without_backend(listener: &Arc<Listener>, state: &FallbackState) {
    if !start_thread(listener, state) {
        listener.latch().poll_from_now_on();
    }
}

/// Starts the fallback thread, unless there is one. Returns false if the system refuses it.
pub(crate) fn start_thread(listener: &Arc<Listener>, state: &FallbackState) -> bool {
    if !state.take_over() {
        return true;
    }
    let is_started = spawn(listener, |_| ()).is_ok();
    if !is_started {
        state.give_back();
    }
    is_started
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
