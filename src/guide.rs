#![doc = include_str!("../docs/guide.md")]

#[doc = include_str!("../docs/child_processes.md")]
pub mod child_processes {}

#[doc = include_str!("../docs/lifelines.md")]
pub mod lifelines {}

// The recipes compile its blocks, because they need other crates.
#[cfg_attr(not(doctest), doc = include_str!("../MIGRATING.md"))]
pub mod migrating {}

#[doc = include_str!("../docs/not_dropped.md")]
pub mod not_dropped {}

#[doc = include_str!("../docs/startup.md")]
pub mod startup {}

#[doc = include_str!("../docs/terminal.md")]
pub mod terminal {}

#[doc = include_str!("../docs/testing.md")]
pub mod testing {}

// The code is `hooks/engine/span.rs`, because hooks run inside the span.
#[doc = include_str!("../features/tracing.md")]
pub mod tracing {}
