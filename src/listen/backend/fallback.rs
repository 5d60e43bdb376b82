//! Which thread waits for the signal if the backend does not.

use std::io;
use std::sync::Arc;
use std::thread::{self, Thread};

use super::FallbackState;
use crate::listen::listener::Listener;
use crate::listen::os::HANDLER_WAKES_WAITERS;

/// Starts the fallback thread, unless there is one or none is needed. If the system refuses it and
/// the backend does not wait either, the waiters poll.
pub(crate) fn start_thread(listener: &Arc<Listener>, state: &FallbackState) {
    if HANDLER_WAKES_WAITERS || !state.claim_thread() {
        return;
    }
    if spawn(listener, |_| ()).is_err() && state.give_back_thread() {
        listener.target().poll_from_now_on();
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
        while !listener.wake_all() {
            listener.wait(None);
        }
    };
    let handle = thread::Builder::new().name("signoff".into()).spawn(watch)?;
    Ok(handle.thread().clone())
}
