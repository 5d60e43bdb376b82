//! The thread that waits for the signal if the backend does not.
//!
//! It takes over if the backend's runtime ends, and it serves threads, channels and descriptors while the
//! runtime may be blocked. The backend `Blocking` is this thread and nothing else. It waits for the
//! descriptor, wakes every waiter, and ends with the signal.

use std::io;
use std::sync::Arc;
use std::thread::{self, Thread};

use crate::listen::listener::Listener;
use crate::listen::os::HANDLER_WAKES_WAITERS;
use crate::util::sync::{Mutex, lock};

/// Whether the backend waits for the signal, and whether the thread does.
#[derive(Default)]
pub(crate) struct Fallback(Mutex<State>);

#[derive(Default)]
struct State {
    /// `listen` has succeeded.
    is_listening: bool,
    /// The backend has dropped its notifier.
    is_abandoned: bool,
    has_thread: bool,
}

impl Fallback {
    /// `listen` succeeds. Starts the thread if the backend no longer waits.
    pub(crate) fn begin(&self, listener: &Arc<Listener>) {
        let mut state = lock(&self.0);
        state.is_listening = true;
        if state.is_abandoned {
            let _ = state.start_thread(listener); // documented as a limit
        }
    }

    /// The backend no longer waits. Starts the thread, or `begin` does.
    pub(super) fn abandon(&self, listener: &Arc<Listener>) {
        let mut state = lock(&self.0);
        state.is_abandoned = true;
        if state.is_listening {
            let _ = state.start_thread(listener); // documented as a limit
        }
    }

    /// Starts the thread, unless there is one or none is needed.
    pub(crate) fn start_thread(&self, listener: &Arc<Listener>) -> io::Result<()> {
        lock(&self.0).start_thread(listener)
    }

    /// Starts the thread, which sleeps until there is a waiter.
    pub(super) fn start_parked_thread(&self, listener: &Arc<Listener>) -> io::Result<()> {
        if HANDLER_WAKES_WAITERS {
            return Ok(());
        }
        let mut state = lock(&self.0);
        let thread = spawn(listener, thread::park)?;
        listener.set_parked_thread(&thread);
        state.has_thread = true;
        Ok(())
    }
}

impl State {
    fn start_thread(&mut self, listener: &Arc<Listener>) -> io::Result<()> {
        if HANDLER_WAKES_WAITERS || self.has_thread {
            return Ok(());
        }
        spawn(listener, || ())?;
        self.has_thread = true;
        Ok(())
    }
}

fn spawn(listener: &Arc<Listener>, begin: fn()) -> io::Result<Thread> {
    let listener = Arc::clone(listener);
    let watch = move || {
        begin();
        while !listener.wake_all() {
            listener.wait(None);
        }
    };
    let handle = thread::Builder::new().name("signoff".into()).spawn(watch)?;
    Ok(handle.thread().clone())
}
