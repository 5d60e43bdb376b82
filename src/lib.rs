#![cfg_attr(
    any(not(doctest), all(unix, feature = "blocking", feature = "http", feature = "lambda")),
    doc = include_str!("../README.md")
)]
// The features that users choose stand at the items that need them.
#![cfg_attr(docsrs, feature(doc_cfg), doc(auto_cfg(hide(feature = "__signal"))))]
#![cfg_attr(
    not(all(
        unix,
        feature = "tokio",
        feature = "async-std",
        feature = "smol",
        feature = "blocking",
        feature = "http",
        feature = "lambda",
        feature = "tracing",
        feature = "systemd",
        feature = "progress"
    )),
    allow(
        unused,
        unreachable_pub,
        reason = "with fewer features, or on Windows, parts have no user"
    )
)]
#![cfg_attr(
    not(test),
    warn(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::print_stdout,
        clippy::print_stderr,
        clippy::exit
    )
)]

mod error;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(any(not(doctest), all(unix, feature = "tokio", feature = "blocking")))]
pub mod guide;
pub mod hooks;
#[cfg(all(any(unix, windows), feature = "http"))]
pub mod http;
mod in_flight;
#[cfg(all(unix, feature = "lambda"))]
pub mod lambda;
#[cfg(all(any(unix, windows), feature = "__signal"))]
mod listen;
#[cfg(all(test, loom))]
#[path = "../tests/models/signal.rs"]
mod models;
mod observers;
mod signal;
mod util;

pub use error::Error;
// Each type has one path: those of a module are not in the root, too.
pub use hooks::{builder::Hooks, hook_set::HookSet, report::Report};
pub use in_flight::{Drained, InFlight, InFlightEntry, InFlightGuard, TaskPanicked};
pub use observers::*;
#[cfg(all(unix, feature = "blocking"))]
pub use signal::ShutdownFd;
pub use signal::{
    ForcedExit, Process, Reason, RequestGuard, ShutdownSignal, Signal, Signals, Wait,
};
#[cfg(all(any(unix, windows), feature = "__signal"))]
pub use {
    hooks::exit_on::Exit,
    listen::{Backend, Notifier, SignalStream},
};

#[cfg(all(any(unix, windows), feature = "async-std"))]
pub use listen::backend::async_std::AsyncStd;
#[cfg(all(any(unix, windows), feature = "blocking"))]
pub use listen::backend::blocking::Blocking;
#[cfg(all(any(unix, windows), feature = "smol"))]
pub use listen::backend::smol::Smol;
#[cfg(all(any(unix, windows), feature = "tokio"))]
pub use listen::backend::tokio::Tokio;
