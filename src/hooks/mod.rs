#![doc = include_str!("hooks.md")]

mod bench;
mod budget;
mod builder;
mod clock;
mod context;
mod desk;
#[cfg(all(unix, feature = "__signal"))]
mod exit;
#[cfg(not(all(unix, feature = "__signal")))]
#[path = "exit_none.rs"]
mod exit;
#[cfg(all(unix, feature = "__signal"))]
mod guard;
mod hook;
mod last_words;
mod plan;
mod record;
mod report;
mod run;
#[cfg_attr(all(unix, feature = "tokio"), path = "runtime_tokio.rs")]
#[cfg_attr(not(all(unix, feature = "tokio")), path = "runtime_none.rs")]
mod runtime;
mod stage;
mod threads;
#[cfg(feature = "tracing")]
pub mod tracing;
#[cfg(not(feature = "tracing"))]
#[path = "tracing_none.rs"]
mod tracing;

pub use builder::Hooks;
pub use context::HookContext;
#[cfg(all(unix, feature = "__signal"))]
pub use exit::Exit;
#[cfg(all(unix, feature = "__signal"))]
pub use guard::{ExitGuard, Joined};
pub use hook::IntoOutcome;
pub use report::{HookReport, Outcome, Report};
