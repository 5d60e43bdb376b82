//! The one switch between the real primitives and loom's models of them.

#[cfg(not(loom))]
mod imp {
    pub(crate) use std::sync::atomic::{AtomicI32, AtomicU8, AtomicU32, AtomicUsize, Ordering};
    pub(crate) use std::sync::{Mutex, MutexGuard};
    pub(crate) use std::thread::{Thread, current, park, park_timeout, yield_now};
    pub(crate) use std::thread_local;

    /// Counts the threads that call it.
    pub(crate) fn number_of_new_thread() -> usize {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        NEXT.fetch_add(1, Ordering::Relaxed) // no other data depends on it
    }
}

#[cfg(loom)]
mod imp {
    pub(crate) use loom::sync::atomic::{AtomicI32, AtomicU8, AtomicU32, AtomicUsize, Ordering};
    pub(crate) use loom::sync::{Mutex, MutexGuard};
    pub(crate) use loom::thread::{Thread, current, park, yield_now};
    pub(crate) use loom::thread_local;

    /// Counts anew in each execution of a model, and without a step that the model would explore.
    pub(crate) fn number_of_new_thread() -> usize {
        use std::sync::atomic::{AtomicUsize, Ordering};

        loom::lazy_static! {
            static ref NEXT: AtomicUsize = AtomicUsize::new(0);
        }
        NEXT.fetch_add(1, Ordering::Relaxed)
    }

    /// The models have no clock.
    pub(crate) fn park_timeout(_: std::time::Duration) {
        park();
    }
}

pub(crate) use imp::*;

/// Locks, even after a panic: nothing in this crate leaves half a change behind a lock.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
