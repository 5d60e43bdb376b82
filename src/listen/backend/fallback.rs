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
use crate::util::sync::lock;

/// Whether the backend waits for the signal, and whether the thread does.
#[derive(Default)]
pub(crate) struct Fallback {
    /// `listen` has succeeded.
    is_listening: bool,
    /// The backend has dropped its notifier.
    is_abandoned: bool,
    has_thread: bool,
}

impl Listener {
    /// `listen` succeeds. Starts the thread if the backend no longer waits.
    pub(crate) fn begin(self: &Arc<Self>) {
        let mut fallback = lock(&self.fallback);
        fallback.is_listening = true;
        if fallback.is_abandoned {
            let _ = fallback.start_thread(self); // documented as a limit
        }
    }

    /// The backend no longer waits. Starts the thread, or `begin` does.
    pub(super) fn abandon(self: &Arc<Self>) {
        let mut fallback = lock(&self.fallback);
        fallback.is_abandoned = true;
        if fallback.is_listening {
            let _ = fallback.start_thread(self); // documented as a limit
        }
    }

    /// Starts the thread, unless there is one or none is needed.
    pub(crate) fn start_thread(self: &Arc<Self>) -> io::Result<()> {
        lock(&self.fallback).start_thread(self)
    }

    /// Starts the thread, which sleeps until there is a waiter.
    pub(super) fn start_parked_thread(self: &Arc<Self>) -> io::Result<()> {
        if HANDLER_WAKES_WAITERS {
            return Ok(());
        }
        let mut fallback = lock(&self.fallback);
        let thread = spawn(self, thread::park)?;
        self.set_parked_thread(&thread);
        fallback.has_thread = true;
        Ok(())
    }
}

impl Fallback {
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
