//! What watches a shutdown: the messages for systemd, and the progress on a terminal.

#[cfg(all(any(unix, windows), feature = "progress"))]
pub mod progress;
#[cfg(all(unix, feature = "systemd"))]
pub mod systemd;
