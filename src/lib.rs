// The documentation is written for a crate with all its features. In the README, which comes second,
// names lead to files; here they lead to what those files are about: the first one counts.
#![cfg_attr(
    all(
        unix,
        feature = "tokio",
        feature = "async-std",
        feature = "smol",
        feature = "blocking",
        feature = "lambda",
        feature = "tracing",
        feature = "systemd",
        feature = "progress"
    ),
    deny(rustdoc::broken_intra_doc_links),
    doc = "[The comparison]: https://docs.rs/crate/signoff/latest/source/COMPARISON.md",
    doc = "[windows]: ShutdownSignal#windows",
    doc = "[`tokio`]: backend::tokio",
    doc = "[`async-std`]: backend::async_std",
    doc = "[`smol`]: backend::smol",
    doc = "[`blocking`]: backend::blocking",
    doc = "[`tracing`]: observers::tracing",
    doc = "[`systemd`]: mod@systemd",
    doc = "[`progress`]: mod@progress",
    doc = "[`lambda`]: mod@lambda",
    doc = "[`Hooks`]: hooks",
    doc = "[`Backend`]: Backend",
    doc = include_str!("../README.md")
)]
#![cfg_attr(
    not(all(
        unix,
        feature = "tokio",
        feature = "async-std",
        feature = "smol",
        feature = "blocking",
        feature = "lambda",
        feature = "tracing",
        feature = "systemd",
        feature = "progress"
    )),
    allow(rustdoc::broken_intra_doc_links, reason = "what they lead to is not in this build"),
    doc = "Graceful shutdown: [one future](ShutdownSignal) on any runtime, and [cleanup hooks](hooks) that finish within a time budget.\n\n",
    doc = "This is a build without some of the features. <https://docs.rs/signoff> has the guide and all features."
)]
// The features that users choose stand at the items that need them.
#![cfg_attr(docsrs, feature(doc_cfg), doc(auto_cfg(hide(feature = "__signal"))))]
#![cfg_attr(
    not(any(unix, windows)),
    allow(dead_code, reason = "there are no signals, so the backends' features add nothing")
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

#[cfg(all(any(unix, windows), feature = "__signal"))]
pub mod backend;
mod block_on;
mod catch_panic;
#[cfg(feature = "blocking")]
mod channel;
mod child;
mod clock;
mod error;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
pub mod hooks;
mod human_duration;
mod human_list;
pub mod in_flight;
mod latch;
#[cfg(all(any(unix, windows), feature = "__signal"))]
mod listen;
#[cfg(all(test, loom))]
mod loom_tests;
#[cfg(all(unix, feature = "systemd"))]
#[path = "os/monotonic.rs"]
mod monotonic;
#[cfg(any(feature = "tracing", feature = "systemd", feature = "progress"))]
pub mod observers;
#[cfg(not(any(feature = "tracing", feature = "systemd", feature = "progress")))]
mod observers;
mod options;
#[cfg(all(any(unix, windows), feature = "__signal"))]
mod os;
#[cfg(all(any(unix, windows), feature = "__signal"))]
mod pending_signals;
mod reason;
mod request_guard;
#[cfg(all(unix, feature = "__signal"))]
mod send;
#[cfg(all(unix, feature = "blocking"))]
mod shutdown_fd;
mod shutdown_signal;
mod signal;
#[cfg(all(any(unix, windows), feature = "__signal"))]
mod stream;
mod sync;
#[cfg(all(any(unix, windows), feature = "__signal"))]
mod target;
#[cfg(all(any(unix, windows), any(feature = "__signal", feature = "progress")))]
#[cfg_attr(all(unix, feature = "progress"), path = "os/terminal_view.rs")]
#[cfg_attr(not(all(unix, feature = "progress")), path = "os/terminal_view_none.rs")]
mod terminal_view;
mod waiter;
mod waiters;

#[cfg(all(any(unix, windows), feature = "__signal"))]
pub use backend::{Backend, Notifier};
pub use error::Error;
#[cfg(all(any(unix, windows), feature = "__signal"))]
pub use hooks::Exit;
pub use hooks::{HookSet, Hooks, Report};
pub use in_flight::InFlight;
#[cfg(all(any(unix, windows), feature = "progress"))]
pub use observers::progress;
#[cfg(all(unix, feature = "systemd"))]
pub use observers::systemd;
pub use options::{ForcedExit, Signals};
pub use reason::{Process, Reason};
pub use request_guard::RequestGuard;
#[cfg(all(unix, feature = "blocking"))]
pub use shutdown_fd::ShutdownFd;
pub use shutdown_signal::{ShutdownSignal, Wait};
pub use signal::Signal;
#[cfg(all(any(unix, windows), feature = "__signal"))]
pub use stream::SignalStream;

#[cfg(all(unix, feature = "lambda"))]
pub mod lambda;
#[cfg(all(unix, feature = "lambda", feature = "tracing"))]
#[path = "lambda/tracing.rs"]
mod lambda_tracing;
#[cfg(all(unix, feature = "lambda", not(feature = "tracing")))]
mod lambda_tracing {
    //! Without `tracing`, nothing is logged.
    pub(crate) fn not_registered(_: &crate::lambda::RegistrationError) {}
    pub(crate) fn not_renewed(_: &crate::lambda::RegistrationError) {}
}

#[cfg(all(any(unix, windows), feature = "async-std"))]
pub use backend::async_std::AsyncStd;
#[cfg(all(any(unix, windows), feature = "blocking"))]
pub use backend::blocking::Blocking;
#[cfg(all(any(unix, windows), feature = "smol"))]
pub use backend::smol::Smol;
#[cfg(all(any(unix, windows), feature = "tokio"))]
pub use backend::tokio::Tokio;
