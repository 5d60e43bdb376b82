//! 4: a second Ctrl-C gets out.

use std::thread;
use std::time::Duration;

use libc::{SIGINT, SIGTERM, SIGUSR1};
use signoff::{Backend, Error, ForcedExit, Notifier, Signal, Signals};

use super::{Runtime, stuck, watch};
use crate::common::child::Ended;
use crate::common::system::raise;
use crate::common::{ANOTHER_PRESS, Case, Child, at_once, say, variant};

/// 128 + SIGINT, as every shell has it.
const INTERRUPTED: i32 = 130;
const TERMINATED: i32 = 143;

fn press_twice(child: Child) {
    child.expect("ready");
    child.kill(SIGINT);
    child.expect("asked");
    child.kill_again(SIGINT);
    child.exits_with(INTERRUPTED);
}

pub(crate) fn test_workers_blocked(case: &Case) {
    let child = case.start();
    child.expect("started");
    press_twice(child);
}

pub(crate) fn test_first_process(case: &Case) {
    if let Some(child) = case.start_as_first() {
        press_twice(child);
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
    press_twice(case.start());
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

/// What is chosen, the signals that come, and the status at the end; 0 for a program that lives on.
const CHOICES: [(&str, ForcedExit, [i32; 3], i32); 7] = [
    ("interrupt, int int", ForcedExit::Interrupt, [SIGINT, SIGINT, SIGINT], INTERRUPTED),
    ("interrupt, term int", ForcedExit::Interrupt, [SIGTERM, SIGTERM, SIGINT], INTERRUPTED),
    ("interrupt, term term", ForcedExit::Interrupt, [SIGTERM; 3], 0),
    ("interrupt, int term", ForcedExit::Interrupt, [SIGINT, SIGTERM, SIGTERM], 0),
    ("any, term term", ForcedExit::Any, [SIGTERM; 3], TERMINATED),
    ("any, term int", ForcedExit::Any, [SIGTERM, SIGINT, SIGINT], INTERRUPTED),
    ("never", ForcedExit::Never, [SIGINT, SIGINT, SIGTERM], 0),
];

pub(crate) fn test_choices(case: &Case) {
    at_once(CHOICES, |(name, _, _, status)| case.variant(name).start().exits_with(status));
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
    child.exits_with(INTERRUPTED);
}

/// The first Ctrl-C after a request is the first one all the same.
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

/// The last clone is gone after a signal: a second Ctrl-C still forces the exit, and `SIGTERM` has
/// its default action again.
pub(crate) fn test_afterwards(case: &Case) {
    let again = |first, again| {
        let child = case.ready();
        child.kill(first);
        child.expect("the last clone is gone");
        child.kill_again(again);
        child
    };
    at_once([SIGINT, SIGTERM], |first| again(first, SIGINT).exits_with(INTERRUPTED));
    at_once([SIGINT, SIGTERM], |first| again(first, SIGTERM).dies_by(SIGTERM));
}

pub(crate) fn afterwards<R: Runtime>() {
    R::block_on(async {
        let shutdown = R::listen();
        say("ready");
        shutdown.await;
        say("the last clone is gone");
        stuck();
    });
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

/// With `ForcedExit::Never`, both signals have their default action again.
pub(crate) fn test_never_afterwards(case: &Case) {
    at_once([SIGINT, SIGTERM], |signal| {
        let child = case.ready();
        child.kill(SIGTERM);
        child.expect("the last clone is gone");
        child.kill_again(signal);
        child.dies_by(signal);
    });
}

pub(crate) fn never_afterwards<R: Runtime>() {
    R::block_on(async {
        let shutdown = R::listen_to(Signals::default().forced_exit(ForcedExit::Never));
        say("ready");
        shutdown.await;
        say("the last clone is gone");
        stuck();
    });
}

pub(crate) fn test_others_afterwards(case: &Case) {
    at_once(["another signal", "an error"], |variant| {
        let child = case.variant(variant).ready();
        child.kill_again(SIGINT);
        child.exits_with(INTERRUPTED);
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
        say("ready");
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
