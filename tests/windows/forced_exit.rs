//! Promise 4: a second Ctrl-C.

use std::time::Instant;

use signoff::{ForcedExit, Signals};

use super::*;
use crate::system::CONTROL_C_EXIT;

cases! {
    ctrl_c_again_exits: |case| for first in [CTRL_C, CTRL_BREAK] {
        let child = case.ready("default");
        child.send(first);
        child.expect("stuck");
        child.send_again(CTRL_C);
        child.exits_with(CONTROL_C_EXIT);
    }, listen_and_get_stuck;

    ctrl_break_again_does_nothing: |case| for policy in ["default", "never"] {
        let mut child = case.ready(policy);
        child.send(CTRL_C);
        child.expect("stuck");
        for event in [CTRL_BREAK, CTRL_BREAK] {
            assert!(child.send_again(event).ends_within(BOUND));
        }
        child.go_on();
        child.exits_with(7);
    }, listen_and_get_stuck;

    any_again_exits: |case| {
        let child = case.ready("any");
        child.send(CTRL_C);
        child.expect("stuck");
        child.send_again(CTRL_BREAK);
        child.exits_with(CONTROL_C_EXIT);
    }, listen_and_get_stuck;

    ctrl_c_twice_at_once_is_one_press: |case| case.passes("default"), || {
        let shutdown = listen();
        let first = Instant::now();
        raise(CTRL_C);
        if first.elapsed() < Duration::from_millis(100) {
            raise(CTRL_C);
        }
        shutdown.wait();
    };
}

fn listen_and_get_stuck() {
    system::ignore_ctrl_c(false);
    let forced_exit = match &*variant() {
        "any" => ForcedExit::Any,
        "never" => ForcedExit::Never,
        _ => ForcedExit::Interrupt,
    };
    let shutdown = Signals::default().forced_exit(forced_exit).listen(Blocking);
    let shutdown = shutdown.expect("nothing is in the way");
    say("ready");
    shutdown.wait();
    thread::spawn(|| {
        until_told();
        std::process::exit(7);
    });
    say("stuck");
    stuck()
}
