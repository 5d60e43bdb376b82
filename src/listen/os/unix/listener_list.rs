//! The listeners of one signal, in a form that its handler can read.

use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::thread;

use crate::listen::listener::Listener;

// Invariants
//
// N1  `list` is null or points to a boxed vector that is not empty. Only `change` writes it, under
//     the lock of the registry.
// N2  A handler raises `DELIVERIES` before it reads `list`, and lowers it when it no longer uses
//     what it read. `change` frees the old vector after `DELIVERIES` was 0 at some moment after
//     the exchange. All four accesses are SeqCst: a handler that raised it later sees the new one.
// N3  A forked child has its own copy of `DELIVERIES`, which may count handlers of its parent. The
//     registry resets it before the child has a listener of its own.

/// How many handlers are delivering a signal.
static DELIVERIES: AtomicUsize = AtomicUsize::new(0);

/// See N1.
pub(super) struct ListenerList {
    list: AtomicPtr<Vec<Arc<Listener>>>,
}

impl ListenerList {
    pub(super) const fn new() -> Self {
        Self { list: AtomicPtr::new(ptr::null_mut()) }
    }

    /// Calls `deliver` with the listeners, if there are any. Async-signal-safe. Returns whether
    /// there were any.
    pub(super) fn deliver(&self, deliver: impl FnOnce(&[Arc<Listener>])) -> bool {
        DELIVERIES.fetch_add(1, Ordering::SeqCst);
        // SAFETY: it is null or valid until `DELIVERIES` is lowered (N2).
        let list = unsafe { self.list.load(Ordering::SeqCst).as_ref() };
        list.inspect(|list| deliver(list));
        let found = list.is_some();
        DELIVERIES.fetch_sub(1, Ordering::SeqCst);
        found
    }

    /// Returns whether `f` is true for one of the listeners. The caller holds the lock of the registry.
    pub(super) fn any(&self, f: impl Fn(&Listener) -> bool) -> bool {
        // SAFETY: it is null or valid, and only `change` frees it, under the same lock (N1).
        let list = unsafe { self.list.load(Ordering::Relaxed).as_ref() };
        list.is_some_and(|list| list.iter().any(|listener| f(listener)))
    }

    /// Adds a listener. The caller holds the lock of the registry.
    pub(super) fn add(&self, listener: &Arc<Listener>) {
        self.change(|list| list.push(Arc::clone(listener)));
    }

    /// Keeps the listeners for which `f` is true. The caller holds the lock of the registry. No handler
    /// uses the others any more when this returns.
    pub(super) fn retain(&self, f: impl Fn(&Arc<Listener>) -> bool) {
        self.change(|list| list.retain(f));
    }

    /// Forgets the listeners of the parent process, in a forked child. The caller holds the lock of
    /// the registry.
    pub(super) fn reset_after_fork(&self) {
        DELIVERIES.store(0, Ordering::SeqCst); // N3
        // Leaked: a thread of the parent may have been changing the vector.
        self.list.store(ptr::null_mut(), Ordering::SeqCst);
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Arc<Listener>>)) {
        // SAFETY: it is null or valid, and only this function frees it (N1).
        let old = unsafe { self.list.load(Ordering::Relaxed).as_ref() };
        let mut list = old.cloned().unwrap_or_default();
        change(&mut list);
        let new = if list.is_empty() { ptr::null_mut() } else { Box::into_raw(Box::new(list)) };
        let old = self.list.swap(new, Ordering::SeqCst);
        while is_delivering() {
            thread::yield_now();
        }
        if !old.is_null() {
            // SAFETY: it came from `Box::into_raw`, and no handler can reach it any more (N2).
            drop(unsafe { Box::from_raw(old) });
        }
    }
}

/// Returns whether a handler is between the first and the last of its listeners.
pub(super) fn is_delivering() -> bool {
    DELIVERIES.load(Ordering::SeqCst) != 0
}
