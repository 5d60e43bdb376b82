#![doc = include_str!("hooks.md")]

mod budget;
mod builder;
mod context;
mod driver;
#[cfg(all(any(unix, windows), feature = "__signal"))]
mod exit_on;
mod hook;
mod hook_state;
#[cfg(all(unix, feature = "lambda"))]
mod lambda;
#[cfg(all(test, loom))]
mod loom_tests;
mod output;
mod progress;
mod ready_queue;
mod report;
mod run;
#[cfg_attr(all(any(unix, windows), feature = "tokio"), path = "runtime_tokio.rs")]
#[cfg_attr(not(all(any(unix, windows), feature = "tokio")), path = "runtime_none.rs")]
mod runtime;
mod task;
mod timer;
mod workers;

pub use builder::Hooks;
pub use context::HookContext;
#[cfg(all(any(unix, windows), feature = "__signal"))]
pub use exit_on::{Exit, ExitGuard, ExitOn, Joined};
pub use hook::{AsyncHook, IntoOutcome};
pub use report::{HookReport, Outcome, Report};
