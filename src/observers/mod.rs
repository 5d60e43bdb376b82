//! What watches a shutdown: the events and the span for `tracing`, and the messages for systemd.

#[cfg(all(unix, feature = "systemd"))]
pub mod systemd;
#[cfg(feature = "tracing")]
pub mod tracing;
#[cfg(not(feature = "tracing"))]
#[path = "tracing_none.rs"]
pub(crate) mod tracing;
