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
    #[allow(clippy::unused_self, reason = "the same names as on Unix")]
    pub(crate) fn is_current(self) -> bool {
        true
    }
}
