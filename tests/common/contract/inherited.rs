//! 7: what the process inherits.

use std::thread;

use libc::{SIGHUP, SIGINT, SIGTERM};
use signoff::{Signal, Signals};

use super::Runtime;
use crate::common::system::raise;
use crate::common::{Case, say, variant};

pub(crate) fn test_nohup(case: &Case) {
    let child = case.under(&["nohup"]).ready();
    child.kill(SIGHUP);
    child.kill(SIGTERM);
    child.expect("SIGTERM");
    child.passes();

    let child = case.ignoring(SIGHUP).ready();
    child.kill(SIGHUP);
    child.kill(SIGTERM);
    child.expect("SIGTERM");
    child.passes();
}

pub(crate) fn test_hangup(case: &Case) {
    let child = case.ready();
    child.kill(SIGHUP);
    child.expect("SIGHUP");
    child.passes();
}

pub(crate) fn hangup<R: Runtime>() {
    say_which::<R>(Signals::default().with(Signal::Hangup));
}

pub(crate) fn test_interrupt(case: &Case) {
    let case = case.ignoring(SIGINT);
    let child = case.variant("listen").ready();
    child.kill(SIGINT);
    child.expect("SIGINT");
    child.passes();

    let child = case.variant("keep").ready();
    child.kill(SIGINT);
    child.kill(SIGTERM);
    child.expect("SIGTERM");
    child.passes();
}

pub(crate) fn interrupt<R: Runtime>() {
    let signals = Signals::default();
    say_which::<R>(match variant().as_deref() {
        Some("keep") => signals.keep_ignored_interrupt(),
        _ => signals,
    });
}

/// After the last clone it is ignored as before.
pub(crate) fn test_terminate(case: &Case) {
    let child = case.ignoring(SIGTERM).ready();
    child.kill(SIGTERM);
    child.expect("SIGTERM");
    child.passes();
}

pub(crate) fn terminate<R: Runtime>() {
    R::block_on(async {
        drop(R::listen());
        raise(SIGTERM);
    });
    say_which::<R>(Signals::default());
}

pub(crate) fn test_blocked(case: &Case) {
    for signal in [SIGTERM, SIGINT] {
        let child = case.blocking(signal).ready();
        child.kill(signal);
        child.expect(&Signal::from_raw(signal).to_string());
        child.passes();
    }
}

pub(crate) fn blocked<R: Runtime>() {
    say_which::<R>(Signals::default());
}

/// Waits, and says which signal it was.
fn say_which<R: Runtime>(signals: Signals) {
    R::block_on(async {
        let shutdown = R::listen_to(signals);
        say("ready");
        (&shutdown).await;
        let reason = shutdown.wait().to_string();
        say(reason.split(' ').next().expect("a word"));
    });
}
