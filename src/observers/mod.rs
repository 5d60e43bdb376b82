//! What watches a shutdown: the events and the span for `tracing`, the messages for systemd, and the
//! progress on a terminal.

#[cfg(all(any(unix, windows), feature = "progress"))]
pub mod progress;
#[cfg(all(unix, feature = "systemd"))]
pub mod systemd;
#[cfg(feature = "tracing")]
pub mod tracing;
#[cfg(not(feature = "tracing"))]
#[path = "tracing_none.rs"]
pub(crate) mod tracing;
