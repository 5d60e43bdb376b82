//! 4: a second Ctrl-C ends the process by the signal.

use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::thread;
use std::time::Duration;

use libc::{SIGINT, SIGTERM, SIGUSR1};
use signoff::{Backend, Error, ForcedExit, Notifier, Signal, Signals};

use super::{Runtime, request_as_variant, stuck, watch};
use crate::common::child::Ended;
use crate::common::skipped::skipped;
use crate::common::system::{is_in_state, open_terminal, raise};
use crate::common::{ANOTHER_PRESS, Case, Child, at_once, say, until, variant};

fn interrupt_twice(child: &Child) {
    child.expect("ready");
    child.kill(SIGINT);
    child.expect("asked");
    child.kill_again(SIGINT);
}

pub(crate) fn test_workers_blocked(case: &Case) {
    let child = case.start();
    child.expect("started");
    interrupt_twice(&child);
    child.dies_by(SIGINT);
}

pub(crate) fn test_first_process(case: &Case) {
    if let Some(child) = case.start_as_first() {
        interrupt_twice(&child);
        child.exits_with(128 + SIGINT); // its default actions do nothing
    }
}

pub(crate) fn workers_blocked<R: Runtime>() {
    say("started");
    R::block_on(async {
        let shutdown = R::listen();
        R::block_every_worker(stuck);
        watch(&shutdown, "asked");
        say("ready");
        stuck();
    });
}

pub(crate) fn test_runtime_dropped(case: &Case) {
    let child = case.start();
    interrupt_twice(&child);
    child.dies_by(SIGINT);
}

/// What was blocked goes on while the runtime, or the program, ends.
pub(crate) fn runtime_dropped<R: Runtime>() {
    R::block_on(async {
        let shutdown = R::listen();
        R::block_every_worker(stuck);
        say("ready");
        shutdown.wait();
        say("asked");
    });
    stuck();
}

pub(crate) fn test_one_press(case: &Case) {
    // A machine may stall for longer than a press; then the child is right to go. Not every time.
    let ended = (0..3).map(|_| case.start().ends()).find(Ended::has_passed);
    assert!(ended.is_some(), "three signals at once count as more than one press");
}

pub(crate) fn one_press<R: Runtime>() {
    R::block_on(async {
        let shutdown = R::listen();
        (0..3).for_each(|_| raise(SIGINT));
        shutdown.await;
    });
}

pub(crate) fn test_slow_press(case: &Case) {
    // A machine may stall in between, and then the child is right to exit. Not every time.
    let ended = (0..5).map(|_| case.start().ends()).find(Ended::has_passed);
    assert!(ended.is_some(), "two signals 180 ms apart count as more than one press");
}

pub(crate) fn slow_press<R: Runtime>() {
    R::block_on(async {
        let shutdown = R::listen();
        raise(SIGINT);
        thread::sleep(Duration::from_millis(180));
        raise(SIGINT);
        shutdown.await;
    });
}

/// What is chosen, the signals that come, and the one that ends the process; 0 if none does.
///
/// They are sent, not typed.
const CHOICES: [(&str, ForcedExit, [i32; 3], i32); 9] = [
    ("interrupt, int int", ForcedExit::Interrupt, [SIGINT, SIGINT, SIGINT], SIGINT),
    ("interrupt, term int", ForcedExit::Interrupt, [SIGTERM, SIGTERM, SIGINT], 0),
    ("interrupt, term int int", ForcedExit::Interrupt, [SIGTERM, SIGINT, SIGINT], SIGINT),
    ("interrupt, term term", ForcedExit::Interrupt, [SIGTERM; 3], 0),
    ("interrupt, int term", ForcedExit::Interrupt, [SIGINT, SIGTERM, SIGTERM], 0),
    ("any, term term", ForcedExit::Any, [SIGTERM; 3], SIGTERM),
    ("any, term int", ForcedExit::Any, [SIGTERM, SIGINT, SIGINT], SIGINT),
    ("never, int int", ForcedExit::Never, [SIGINT, SIGINT, SIGTERM], 0),
    ("never, term term", ForcedExit::Never, [SIGTERM; 3], 0),
];

pub(crate) fn test_choices(case: &Case) {
    at_once(CHOICES, |(name, _, _, signal)| {
        let child = case.variant(name).start();
        if signal == 0 { child.passes() } else { child.dies_by(signal) }
    });
}

pub(crate) fn choices<R: Runtime>() {
    let variant = variant();
    let (_, forced_exit, signals, _) = CHOICES
        .into_iter()
        .find(|(name, ..)| Some(*name) == variant.as_deref())
        .expect("a known variant");
    R::block_on(async {
        let shutdown = R::listen_to(Signals::default().forced_exit(forced_exit));
        for (number, signal) in signals.into_iter().enumerate() {
            if number > 0 {
                thread::sleep(ANOTHER_PRESS);
            }
            raise(signal);
        }
        shutdown.await;
    });
}

pub(crate) fn test_request(case: &Case) {
    let child = case.ready();
    child.kill(SIGINT);
    child.expect("pressed");
    child.kill_again(SIGINT);
    child.dies_by(SIGINT);
}

/// The first `SIGINT` that another process sends after a request does nothing.
pub(crate) fn request<R: Runtime>() {
    R::block_on(async {
        let shutdown = R::listen();
        let other = R::listen_to(Signals::default().forced_exit(ForcedExit::Never));
        shutdown.request("not a signal");
        thread::sleep(ANOTHER_PRESS);
        watch(&other, "pressed");
        say("ready");
        stuck();
    });
}

/// What requests the shutdown, before Ctrl-C is typed.
const REQUESTS: [&str; 4] = ["request", "fail", "SIGTERM", "Ctrl-C"];

pub(crate) fn test_typed(case: &Case) {
    at_once(REQUESTS, |request| {
        let (mut keyboard, program) = open_terminal();
        let child = case.variant(request).on_terminal(program).ready();
        if request == "Ctrl-C" {
            keyboard.write_all(CTRL_C).expect("a terminal");
        }
        child.expect("asked");
        thread::sleep(ANOTHER_PRESS);
        keyboard.write_all(CTRL_C).expect("a terminal");
        child.dies_by(SIGINT);
    });
}

const CTRL_C: &[u8] = b"\x03";

/// Whatever requested the shutdown, a Ctrl-C that is typed later ends the process.
pub(crate) fn typed<R: Runtime>() {
    R::block_on(async {
        let shutdown = R::listen();
        say("ready");
        request_as_variant(&shutdown).await;
        say("asked");
        stuck();
    });
}

/// The loop of a shell stops if the program in it is ended by the signal, and goes on after a status.
pub(crate) fn test_shell_loop(case: &Case) {
    const LOOP: &[&str] =
        &["bash", "-c", "for i in 1 2 3; do \"$@\"; done; echo @the loop goes on", "bash"];
    if !Command::new("bash").arg("--version").output().is_ok_and(|output| output.status.success()) {
        return skipped("there is no bash");
    }
    let (mut keyboard, program) = open_terminal();
    let child = case.variant("Ctrl-C").under(LOOP).on_terminal(program).ready();
    // A shell that does not wait for the program yet is ended by the first Ctrl-C.
    until("the shell waits", || !cfg!(target_os = "linux") || is_in_state(child.pid(), 'S'));
    keyboard.write_all(CTRL_C).expect("a terminal");
    child.expect("asked");
    thread::sleep(ANOTHER_PRESS);
    keyboard.write_all(CTRL_C).expect("a terminal");
    let ended = child.ends();
    assert_eq!(ended.status.signal(), Some(SIGINT), "{ended:?}");
    assert!(ended.unread.is_empty(), "the loop goes on: {ended:?}");
}

/// Each pair of signals, with the signal kept, given away at the request, or never looked at. Only the
/// second `SIGINT` ends the process.
pub(crate) fn test_pairs(case: &Case) {
    let pairs = [(SIGTERM, SIGTERM), (SIGTERM, SIGINT), (SIGINT, SIGTERM), (SIGINT, SIGINT)];
    let ways = ["kept", "given away", "made inside", "never looked at"];
    let all = ways.into_iter().flat_map(|way| pairs.map(|pair| (way, pair)));
    at_once(all, |(way, (first, second))| {
        let child = case.variant(way).ready();
        child.kill(first);
        child.expect("draining");
        child.kill_again(second);
        if (first, second) == (SIGINT, SIGINT) {
            child.dies_by(SIGINT);
        } else {
            child.kill(SIGUSR1);
            child.expect("drained");
            child.passes();
        }
    });
}

pub(crate) fn pairs<R: Runtime>() {
    R::block_on(async {
        let drained = R::listen_to(Signals::none().with(Signal::Other(SIGUSR1)));
        let kept = match variant().as_deref() {
            Some("kept") => {
                let shutdown = R::listen();
                say("ready");
                (&shutdown).await;
                Some(shutdown)
            }
            Some("given away") => {
                let shutdown = R::listen();
                say("ready");
                shutdown.await;
                None
            }
            Some("made inside") => {
                shutdown_signal::<R>().await;
                None
            }
            _ => {
                let (unseen, other) = (R::listen(), R::listen());
                say("ready");
                other.await;
                drop(unseen);
                None
            }
        };
        say("draining");
        drained.await;
        say("drained");
        drop(kept);
    });
}

/// As in many programs.
async fn shutdown_signal<R: Runtime>() {
    let shutdown = R::listen();
    say("ready");
    shutdown.await;
}

/// Signals at once are one press, even if the last clone is dropped in between.
pub(crate) fn test_same_press_afterwards(case: &Case) {
    // A machine may stall for longer than a press. Not every time.
    let ended = (0..3).map(|_| case.start().ends()).find(Ended::has_passed);
    assert!(ended.is_some(), "two signals at once count as more than one press");
}

pub(crate) fn same_press_afterwards<R: Runtime>() {
    R::block_on(async {
        let shutdown = R::listen();
        raise(SIGINT);
        shutdown.await;
        raise(SIGTERM);
        raise(SIGINT);
    });
}

pub(crate) fn test_others_afterwards(case: &Case) {
    at_once(["another signal", "an error"], |variant| {
        let child = case.variant(variant).ready();
        child.kill(SIGINT);
        child.expect("interrupted");
        child.kill_again(SIGINT);
        child.dies_by(SIGINT);
    });
}

/// A listener for another signal, or one that fails, does not end the shutdown.
pub(crate) fn others_afterwards<R: Runtime>() {
    R::block_on(async {
        let shutdown = R::listen();
        raise(SIGTERM);
        shutdown.await;
        match variant().as_deref() {
            Some("an error") => _ = Signals::default().listen(GivesUp).expect_err("it never works"),
            _ => drop(R::listen_to(Signals::none().with(Signal::Other(SIGUSR1)))),
        }
        let mut interrupts = Signals::new([Signal::Interrupt]).stream(R::Backend::default());
        say("ready");
        interrupts.as_mut().expect("nothing is in the way").recv().await;
        say("interrupted");
        stuck();
    });
}

/// A backend that never works.
pub(crate) struct GivesUp;

impl Backend for GivesUp {
    type Watch = ();

    fn watch(self, _: Notifier) -> Result<(), Error> {
        Err(Error::Backend("too tired".into()))
    }
}
