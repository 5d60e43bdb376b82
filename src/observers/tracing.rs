#![doc = include_str!("../../features/tracing.md")]

// Only the page. Hooks run inside the span, so `hooks/span.rs` has the code.
