#![doc = include_str!("../../docs/hooks.md")]

// The way of a hook, from `Hooks::hook` to its row in the report:
//
// - `builder` adds it to a `stage` as a `hook`, or a `hook_set` takes it until the stage starts.
//   `run` and `exit_on` are the ways to run the stages.
// - `driver` runs one stage after the other; `budget` says how long each may take, and
//   `deadline` how long each hook may.
// - `task` is a hook that runs. It is polled by the driver (`ready_queue` has those that were
//   woken), or by a thread of `workers`. `alarm` wakes the driver at the next deadline.
// - `progress` records what became of each hook (`hook_state`) since the `request`. At the end it is
//   `closed`, with the `report`. Each step is an `event` for the `observer_threads`.

mod alarm;
mod budget;
mod builder;
mod closed;
mod context;
mod deadline;
mod driver;
mod event;
#[cfg(all(any(unix, windows), feature = "__signal"))]
mod exit_on;
mod hook;
mod hook_id;
mod hook_set;
mod hook_state;
#[cfg(all(unix, feature = "lambda"))]
mod lambda;
#[cfg(all(test, loom))]
mod loom_tests;
mod observer;
mod observer_threads;
pub(crate) mod output;
mod progress;
#[cfg(test)]
mod progress_tests;
mod ready_queue;
pub(crate) mod report;
mod request;
mod run;
#[cfg_attr(all(any(unix, windows), feature = "tokio"), path = "runtime_tokio.rs")]
#[cfg_attr(not(all(any(unix, windows), feature = "tokio")), path = "runtime_none.rs")]
mod runtime;
mod span;
mod stage;
mod task;
mod workers;

pub use builder::Hooks;
pub use context::HookContext;
pub use event::{Event, Running, RunningHook, Started};
#[cfg(all(any(unix, windows), feature = "__signal"))]
pub use exit_on::{Exit, ExitGuard, ExitOn, Joined};
pub use hook::{AsyncHook, IntoOutcome};
pub use hook_set::{HookHandle, HookSet, StageStarted};
pub use observer::Observer;
pub use report::{HookReport, Outcome, Report};
