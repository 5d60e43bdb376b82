//! A closed standard input and the exit of the parent as requests.

use std::io::Read;
use std::process::{Command, Stdio};
use std::{env, io};

use signoff::{Error, Signal, Signals};

use super::*;
use crate::child::VARIANT;
use crate::system::CONTROL_C_EXIT;

const CLOSED: &str = "standard input was closed";
const EXITED: &str = "the parent process has exited";
/// Longer than one look.
const A_WHILE: Duration = Duration::from_millis(1_300);

cases! {
    a_closed_pipe: |case| for backend in BACKENDS {
        for signals in ["", " alone"] {
            let mut child = case.ready(&format!("{backend}{signals}"));
            child.go_on();
            child.expect(CLOSED);
            child.passes();
        }
    }, || {
        let variant = variant();
        let backend = variant.split(' ').next().expect("a backend");
        let signals = if backend == variant { Signals::default() } else { Signals::none() };
        let runtime = runtime();
        let shutdown = listen_to(signals.or_stdin_closed(), backend, &runtime);
        say("ready");
        say(runtime.block_on(shutdown.requested()));
    };

    an_open_pipe_and_a_living_parent: |case| for backend in BACKENDS {
        let mut child = case.ready(backend);
        child.expect("still open");
        child.go_on();
        child.expect(CLOSED);
        child.passes();
    }, || {
        let runtime = runtime();
        let signals = Signals::default().or_stdin_closed().or_parent_exit();
        let shutdown = listen_to(signals, &variant(), &runtime);
        say("ready");
        thread::sleep(A_WHILE);
        assert_eq!(shutdown.reason(), None);
        say("still open");
        say(shutdown.wait());
    };

    ctrl_c_after_a_closed_pipe: |case| {
        let mut child = case.ready("blocking");
        child.go_on();
        child.expect(CLOSED);
        let _delivery = child.send_again(CTRL_C);
        child.exits_with(CONTROL_C_EXIT);
    }, || {
        let shutdown = listen_to(Signals::default().or_stdin_closed(), &variant(), &runtime());
        say("ready");
        say(shutdown.wait());
        stuck();
    };

    // The child of the case is the parent, and starts this binary once more.
    a_killed_parent: |case| for backend in BACKENDS {
        let mut parent = case.ready(backend);
        parent.kill();
        parent.expect(EXITED);
    }, || {
        let variant = variant();
        if let Some(backend) = variant.strip_prefix("child of ") {
            let runtime = runtime();
            let shutdown = listen_to(Signals::none().or_parent_exit(), backend, &runtime);
            say("ready");
            if let Some(reason) = shutdown.wait_timeout(2 * BOUND) {
                say(reason);
            }
            return;
        }
        let mut child = Command::new(env::current_exe().expect("the test binary"));
        child.args(env::args().skip(1)).env(VARIANT, format!("child of {variant}"));
        let _child = child.stdin(Stdio::null()).spawn().expect("it starts again");
        let _ = io::stdin().read(&mut [0]);
        stuck();
    };

    a_reading_program: |case| {
        let mut child = case.ready("blocking");
        child.go_on();
        child.expect("end of file");
        child.expect(CLOSED);
        child.passes();
    }, || {
        let shutdown = listen_to(Signals::default().or_stdin_closed(), &variant(), &runtime());
        say("ready");
        let mut read = Vec::new();
        io::stdin().read_to_end(&mut read).expect("a pipe");
        say("end of file");
        say(shutdown.wait());
    };
}

#[test]
fn streams_refuse_them() {
    let reload = || Signals::new([Signal::Interrupt]);
    for signals in [reload().or_stdin_closed(), reload().or_parent_exit()] {
        assert!(matches!(signals.stream(Blocking), Err(Error::NotForStreams)));
    }
}
