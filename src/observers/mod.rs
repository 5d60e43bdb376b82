//! What watches a shutdown: the messages for systemd, the progress on a terminal, and the page of
//! `tracing`.

#[cfg(all(any(unix, windows), feature = "progress"))]
pub mod progress;
#[cfg(all(unix, feature = "systemd"))]
pub mod systemd;
#[cfg(feature = "tracing")]
pub mod tracing;
