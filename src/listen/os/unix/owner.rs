//! Which process something belongs to.

use std::process;
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

use super::check;

/// One process, as told apart from its forked children.
///
/// The process id alone is not enough: a child that is the first process of a new PID namespace
/// can have the same id as its parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owner {
    pid: u32,
    forks: u32,
}

/// How many forks lie between the first `Owner` and this process.
static FORKS: AtomicU32 = AtomicU32::new(0);

impl Owner {
    /// The calling process.
    pub(crate) fn current() -> Self {
        count_forks();
        Self::now()
    }

    /// Returns false in a forked child. Async-signal-safe.
    pub(crate) fn is_current(self) -> bool {
        self == Self::now()
    }

    fn now() -> Self {
        // Relaxed: a child has the value from the moment of the fork.
        Self { pid: process::id(), forks: FORKS.load(Ordering::Relaxed) }
    }
}

/// Without a fork handler, the process id has to do.
fn count_forks() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: `in_child` only adds to an atomic, which is allowed in a forked child.
        let _ = check(unsafe { pthread_atfork(None, None, Some(in_child)) });
    });
}

extern "C" fn in_child() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

type ForkHandler = Option<extern "C" fn()>;

// SAFETY: this is the signature that POSIX gives it; not every version of libc declares it.
unsafe extern "C" {
    fn pthread_atfork(before: ForkHandler, parent: ForkHandler, child: ForkHandler) -> libc::c_int;
}

/// An `Owner` that a signal handler can read while it changes.
pub(super) struct AtomicOwner {
    pid: AtomicU32,
    forks: AtomicU32,
}

impl AtomicOwner {
    /// No process at all.
    pub(super) const fn none() -> Self {
        Self { pid: AtomicU32::new(0), forks: AtomicU32::new(0) }
    }

    /// Returns false in a forked child, and before the first `set`. Async-signal-safe.
    pub(super) fn is_current(&self) -> bool {
        self.load().is_current()
    }

    /// Returns whether any process was set.
    pub(super) fn is_set(&self) -> bool {
        self.pid.load(Ordering::Relaxed) != 0
    }

    pub(super) fn set(&self, owner: Owner) {
        self.forks.store(owner.forks, Ordering::Relaxed);
        self.pid.store(owner.pid, Ordering::Relaxed);
    }

    fn load(&self) -> Owner {
        // Relaxed: only the process itself changes them, once, before it has any listener.
        Owner { pid: self.pid.load(Ordering::Relaxed), forks: self.forks.load(Ordering::Relaxed) }
    }
}
