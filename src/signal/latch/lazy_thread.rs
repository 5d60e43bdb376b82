//! The thread that calls `wake_all`, if the backend has one.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::Thread;

/// It sleeps until there is a waiter.
#[derive(Default)]
pub(super) struct LazyThread {
    thread: OnceLock<Thread>,
    is_watching: AtomicBool,
}

impl LazyThread {
    #[cfg(all(unix, feature = "blocking"))]
    pub(super) fn set(&self, thread: Thread) {
        let _ = self.thread.set(thread); // one backend, one thread
    }

    pub(super) fn start_watching(&self) {
        let Some(thread) = self.thread.get() else { return };
        // Relaxed: unparking is what orders the two threads.
        if !self.is_watching.load(Relaxed) && !self.is_watching.swap(true, Relaxed) {
            thread.unpark();
        }
    }

    #[cfg(all(unix, feature = "blocking"))]
    pub(super) fn is_watching(&self) -> bool {
        self.is_watching.load(Relaxed)
    }
}
