//! The contract on Windows: real console events in child processes, on every backend.
#![cfg(windows)]
#![allow(unsafe_code, reason = "console events")]

mod child;
mod consoles;
mod errors;
mod exit_on;
mod forced_exit;
mod last_clone;
mod lifelines;
mod never_lost;
mod parts;
mod stream;
mod system;

use std::thread;
use std::time::Duration;

use child::{Case, cases, say, until_told, variant};
use signoff::{AsyncStd, Blocking, ShutdownSignal, Signals, Smol, Tokio};
use system::{CTRL_BREAK, CTRL_C, CTRL_CLOSE, CTRL_LOGOFF, CTRL_SHUTDOWN, EVENTS, raise};
use tokio::runtime::Runtime;

/// Nothing in these tests takes nearly as long, on any machine.
const BOUND: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(5);
/// An event after this is another press, never the same one.
const ANOTHER_PRESS: Duration = Duration::from_millis(260);
/// How long a handler that is kept is watched.
const KEPT: Duration = Duration::from_millis(200);

const BACKENDS: [&str; 4] = ["tokio", "async-std", "smol", "blocking"];

/// The runtime that a case has beside it, for tokio.
fn runtime() -> Runtime {
    Runtime::new().expect("a runtime")
}

/// Listens on the backend that is named, inside of `runtime`.
fn listen_on(backend: &str, runtime: &Runtime) -> ShutdownSignal {
    listen_to(Signals::default(), backend, runtime)
}

fn listen_to(signals: Signals, backend: &str, runtime: &Runtime) -> ShutdownSignal {
    system::ignore_ctrl_c(false); // the tests may run in a process group of their own
    let _entered = runtime.enter();
    let listening = match backend {
        "tokio" => signals.listen(Tokio),
        "async-std" => signals.listen(AsyncStd),
        "smol" => signals.listen(Smol),
        _ => signals.listen(Blocking),
    };
    listening.expect("nothing is in the way")
}

fn listen() -> ShutdownSignal {
    system::ignore_ctrl_c(false);
    ShutdownSignal::listen(Blocking).expect("nothing is in the way")
}

fn name_of(event: u32) -> &'static str {
    match event {
        CTRL_C => "SIGINT",
        CTRL_BREAK => "CTRL_BREAK",
        CTRL_CLOSE => "CTRL_CLOSE",
        CTRL_LOGOFF => "CTRL_LOGOFF",
        CTRL_SHUTDOWN => "CTRL_SHUTDOWN",
        other => panic!("there is no event {other}"),
    }
}

fn is_kept(event: u32) -> bool {
    !matches!(event, CTRL_C | CTRL_BREAK)
}

/// Blocks this thread until the process ends.
fn stuck() -> ! {
    loop {
        thread::park();
    }
}

fn each_event(case: &Case, check: impl Fn(&Case, &str, u32)) {
    for (backend, event) in BACKENDS.into_iter().flat_map(|b| EVENTS.map(|event| (b, event))) {
        check(case, backend, event);
    }
}
