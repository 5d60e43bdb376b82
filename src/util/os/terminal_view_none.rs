//! The twin of `terminal_view` where a forced exit erases nothing.

#[cfg(feature = "progress")]
pub(crate) fn set_shown(_: bool) {}

#[cfg(feature = "progress")]
pub(crate) fn is_shown() -> bool {
    false
}

#[cfg(feature = "__signal")]
pub(crate) fn erase() {}
