//! What runs the hooks.
//!
//! `state` knows the state of every hook, and `stages` the order, the shares of the budget and the
//! deadlines. A `worker` is a thread that runs one hook after the other. Above them are two drivers:
//! for `exit_on` a plain thread, which runs no code of the program, and for `run` a future, which polls
//! the async hooks on the caller's executor. `timer` wakes that one at deadlines. `runtime` is the
//! tokio runtime that the threads have entered, and `span` is what `tracing` gets.

mod driver;
#[cfg(all(test, loom))]
#[path = "../../../tests/models/hooks.rs"]
mod models;
mod runtime;
mod span;
mod stages;
mod state;
mod timer;
mod worker;

use std::time::Duration;

pub(super) use driver::{run_on_executor, run_on_threads};
pub(super) use runtime::block_on;
pub(super) use span::Subscriber;
pub(super) use stages::{Entry, Stage};
pub(super) use state::Engine;

use super::hook::Hook;

/// Under `exit_on`, the process is gone this long after its budget, no matter what blocks.
///
/// Hooks that are late have the first two fifths: for their drops, and for stages that have no time
/// left. The report and its output have the next two. The rest is for the scheduler of a busy machine.
pub(crate) const BOUND: Duration = Duration::from_millis(500);

/// A hook with its place in the report.
type NumberedHook = (usize, Hook);
