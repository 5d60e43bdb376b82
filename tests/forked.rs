//! `fork` after `listen`: the child has no thread that would run its hooks, and is told so.
#![cfg(unix)]
#![allow(unsafe_code, reason = "fork")]

mod common;

use std::fmt::Display;
use std::future::pending;

use common::{cases, say, system, variant};
use futures_lite::future::{block_on, poll_once};
use signoff::hooks::ExitOn;
use signoff::{Blocking, Hooks, ShutdownSignal};

cases! {
    hooks_on_the_signal_of_the_parent_are_an_error: |case| {
        for variant in ["start", "run", "run_with", "run_blocking"] {
            let child = case.variant(variant).start();
            let line = child.line();
            assert!(line.contains("fork"), "{variant}: {line}");
            child.passes();
        }
    }, || {
        let shutdown = ShutdownSignal::listen(Blocking).unwrap();
        let pid = system::fork(|| {
            let exit_on = Hooks::new().hook("never", async || say("a hook")).exit_on(shutdown.clone());
            say(refusal(exit_on).unwrap_or_else(|| "no error".into()));
        });
        assert_eq!(libc::WEXITSTATUS(system::wait_for(pid)), system::CHILD_RETURNED);
    };

    // Daemons fork first and listen in the child.
    a_child_that_listens_by_itself_has_hooks: |case| {
        let child = case.start();
        child.expect("hook");
        child.passes();
    }, || {
        let _of_the_parent = ShutdownSignal::listen(Blocking).unwrap();
        let pid = system::fork(|| {
            let shutdown = ShutdownSignal::listen(Blocking).unwrap();
            let exit_on = Hooks::new().hook("own", async || say("hook")).exit_on(shutdown.clone());
            _ = block_on(exit_on.run(async { system::raise(libc::SIGTERM) }));
        });
        assert_eq!(system::wait_for(pid), 0);
    };
}

/// What each way to start returns. `main` must not begin: its end would be the end of the process.
fn refusal(exit_on: ExitOn) -> Option<String> {
    fn error<T, E: Display>(result: Result<T, E>) -> Option<String> {
        result.err().map(|error| error.to_string())
    }
    match variant().unwrap().as_str() {
        "start" => error(exit_on.start()),
        "run" => error(block_on(poll_once(exit_on.run(pending::<()>())))?),
        "run_with" => error(block_on(poll_once(exit_on.run_with(|_| pending::<()>())))?),
        _ => error(exit_on.run_blocking(|| say("main"))),
    }
}
