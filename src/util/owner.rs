//! Which process something belongs to: a forked child has a copy of everything.

use std::process;

/// One process, as told apart from its forked children.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Owner(u32);

impl Owner {
    /// The calling process.
    pub(crate) fn current() -> Self {
        Self(process::id())
    }

    /// Returns false in a forked child. Async-signal-safe.
    pub(crate) fn is_current(self) -> bool {
        self.0 == process::id()
    }
}
