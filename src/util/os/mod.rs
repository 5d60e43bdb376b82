//! System calls.

#[cfg(all(unix, feature = "systemd"))]
pub(crate) mod monotonic;
pub(crate) mod stderr;
pub(crate) mod terminal_view;
