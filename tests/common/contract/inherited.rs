//! 7: what the process inherits.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::thread;

use libc::{SIGHUP, SIGINT, SIGTERM};
use signoff::{Signal, Signals};

use super::Runtime;
use crate::common::system::raise;
use crate::common::{Case, say, variant};

pub(crate) fn test_nohup(case: &Case) {
    let case = case.variant("ignored");
    for case in [case.under(&["nohup"]), case.ignoring(SIGHUP)] {
        ends_by(&case, SIGTERM);
    }
}

pub(crate) fn test_hangup(case: &Case) {
    ends_by(case, SIGHUP);
}

pub(crate) fn hangup<R: Runtime>() {
    let ignored = (variant().as_deref() == Some("ignored")).then_some(SIGHUP);
    say_which::<R>(Signals::default().with(Signal::Hangup), ignored);
}

pub(crate) fn test_interrupt(case: &Case) {
    let case = case.ignoring(SIGINT);
    ends_by(&case, SIGINT);
    ends_by(&case.variant("keep"), SIGTERM);
}

pub(crate) fn interrupt<R: Runtime>() {
    let signals = Signals::default();
    match variant().as_deref() {
        Some("keep") => say_which::<R>(signals.keep_ignored_interrupt(), Some(SIGINT)),
        _ => say_which::<R>(signals, None),
    }
}

/// After the last clone it is ignored as before.
pub(crate) fn test_terminate(case: &Case) {
    ends_by(&case.ignoring(SIGTERM), SIGTERM);
}

pub(crate) fn terminate<R: Runtime>() {
    R::block_on(async {
        drop(R::listen());
        raise(SIGTERM);
    });
    say_which::<R>(Signals::default(), None);
}

pub(crate) fn test_blocked(case: &Case) {
    for signal in [SIGTERM, SIGINT] {
        ends_by(&case.blocking(signal), signal);
    }
}

pub(crate) fn blocked<R: Runtime>() {
    say_which::<R>(Signals::default(), None);
}

/// The signal is the reason that the child says.
fn ends_by(case: &Case, signal: i32) {
    let child = case.ready();
    child.kill(signal);
    child.expect(&Signal::from_raw(signal).to_string());
    child.passes();
}

/// Waits, and says which signal it was. One that is `ignored` comes before, and does nothing.
///
/// It has to come from here: of two signals that are sent from outside one after the other, the
/// second may be handled first.
fn say_which<R: Runtime>(signals: Signals, ignored: Option<i32>) {
    R::block_on(async {
        let shutdown = R::listen_to(signals);
        if let Some(ignored) = ignored {
            raise(ignored);
            assert!(!shutdown.is_requested(), "it stays ignored");
        }
        say("ready");
        (&shutdown).await;
        let reason = shutdown.wait().to_string();
        say(reason.split(' ').next().expect("a word"));
    });
}

pub(crate) fn test_passed_on(case: &Case) {
    let case = case.ignoring(SIGINT);
    for (case, line) in [(&case, "killed by SIGINT"), (&case.variant("keep"), "ignored SIGINT")] {
        let child = case.start();
        child.expect(line);
        child.passes();
    }
}

/// A command that is started after `listen` inherits the ignored `SIGINT` only with the option.
pub(crate) fn passed_on<R: Runtime>() {
    let signals = match variant().as_deref() {
        Some("keep") => Signals::default().keep_ignored_interrupt(),
        _ => Signals::default(),
    };
    R::block_on(async {
        let _shutdown = R::listen_to(signals);
        let status = Command::new("sh").args(["-c", "kill -INT $$; exit 7"]).status();
        let status = status.expect("a shell");
        match (status.signal(), status.code()) {
            (Some(SIGINT), None) => say("killed by SIGINT"),
            (None, Some(7)) => say("ignored SIGINT"),
            _ => panic!("{status}"),
        }
    });
}
