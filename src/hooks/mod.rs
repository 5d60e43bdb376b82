#![doc = include_str!("../../docs/hooks.md")]

// The life of a hook, from `Hooks::hook` to its row in the report:
//
// - `builder` adds it to a stage as a `hook`, or a `hook_set` takes it until the stage starts. `run` and
//   `exit_on` are the ways to run the stages.
// - `engine` runs them: its `driver` opens one stage after the other, a `worker` runs the hook, and `state`
//   records it.
// - Each step is an `event` for the observers, on their threads. At the end there is the
//   `report`.

pub(crate) mod builder;
mod engine;
mod event;
#[cfg(all(any(unix, windows), feature = "__signal"))]
pub(crate) mod exit_on;
mod hook;
pub(crate) mod hook_set;
mod observer;
pub(crate) mod report;
mod run;

pub(crate) use engine::BOUND;
pub use event::{Event, Running, RunningHook, Started};
#[cfg(all(any(unix, windows), feature = "__signal"))]
pub(crate) use exit_on::ProgramDeadline;
#[cfg(all(any(unix, windows), feature = "__signal"))]
pub use exit_on::{ExitGuard, ExitOn, Joined};
pub use hook::{AsyncHook, HookContext, IntoOutcome};
pub use hook_set::{HookHandle, StageStarted};
pub use observer::Observer;
pub use report::{HookReport, Outcome};
