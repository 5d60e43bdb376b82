//! Which process something belongs to.

/// The only process there is: Windows has no fork.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owner;

impl Owner {
    /// The calling process.
    pub(crate) fn current() -> Self {
        Self
    }

    /// Returns true.
    pub(crate) fn is_current(self) -> bool {
        true
    }
}
