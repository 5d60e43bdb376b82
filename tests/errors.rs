//! Bad input and refusals: each a clear error, with nothing printed and nothing left behind.
//!
//! What all backends have in common is part of the contract (`common/contract/refused.rs`).
#![cfg(target_os = "linux")]
#![allow(unsafe_code, reason = "limits and filters of the process")]

mod common;

use std::error::Error as _;
use std::io;
use std::panic;

use common::contract::forced_exit::GivesUp;
use common::contract::stuck;
use common::system::{self, limit};
use common::{Case, cases, say};
use libc::{SIGINT, SIGTERM};
use signoff::{Backend, Blocking, Error, Notifier, ShutdownSignal, Signal, Signals, Tokio};
use tokio::runtime::{Builder, Runtime};

cases! {
    outside_of_tokio: still_killed, || {
        let result = ShutdownSignal::listen(Tokio);
        assert!(matches!(result, Err(Error::NoRuntime { runtime: "tokio" })), "{result:?}");
        wait_to_be_killed();
    };
    tokio_without_its_driver: still_killed, || {
        panic::set_hook(Box::new(|_| ())); // tokio says it by a panic
        for runtime in without_driver() {
            let _inside = runtime.enter();
            let result = ShutdownSignal::listen(Tokio);
            assert!(matches!(result, Err(Error::NoDriver { runtime: "tokio" })), "{result:?}");
        }
        wait_to_be_killed();
    };
    tokio_that_is_gone: still_killed, || {
        let runtime = Builder::new_multi_thread().enable_all().build().expect("a runtime");
        let handle = runtime.handle().clone();
        drop(runtime);
        let _inside = handle.enter();
        let result = ShutdownSignal::listen(Tokio);
        assert!(matches!(result, Err(Error::NoRuntime { runtime: "tokio" })), "{result:?}");
        wait_to_be_killed();
    };
    no_thread_for_blocking: still_killed, || no_thread(Blocking);
    a_refused_handler: still_killed, || {
        deny_handler(SIGINT);
        let before = system::descriptors();
        let result = ShutdownSignal::listen(Blocking);
        let Err(Error::Register { signal: Signal::Interrupt, source }) = &result else {
            panic!("{result:?}");
        };
        assert_eq!(source.raw_os_error(), Some(libc::EPERM));
        assert_eq!(system::descriptors(), before);
        wait_to_be_killed();
    };
    a_refused_handler_can_be_left_out: |case| case.passes(), || {
        deny_handler(SIGINT);
        ShutdownSignal::listen(Blocking).expect_err("SIGINT is refused");
        let signals = Signals::default().without(Signal::Interrupt);
        let shutdown = signals.listen(Blocking).expect("SIGTERM is not");
        system::raise(SIGTERM);
        shutdown.wait();
    };
    a_backend_that_gives_up: still_killed, || {
        let error = ShutdownSignal::listen(GivesUp).expect_err("it never works");
        assert!(matches!(&error, Error::Backend(source) if source.to_string() == "too tired"));
        assert_eq!(io::Error::from(error).to_string(), "the backend failed to start: too tired");
        wait_to_be_killed();
    };
    a_backend_that_panics: still_killed, || {
        panic::set_hook(Box::new(|_| ()));
        let result = panic::catch_unwind(|| ShutdownSignal::listen(Panics));
        assert!(result.is_err());
        wait_to_be_killed();
    };
    a_signal_while_listen_fails: still_killed, || {
        ShutdownSignal::listen(Interrupted).expect_err("it never works");
        wait_to_be_killed();
    };
    an_error_leaves_other_listeners_alone: |case| case.passes(), || {
        let shutdown = ShutdownSignal::listen(Blocking).expect("nothing is in the way");
        ShutdownSignal::listen(Tokio).expect_err("there is no runtime");
        ShutdownSignal::listen(GivesUp).expect_err("it never works");
        system::raise(SIGTERM);
        shutdown.wait();
    };
}

/// After the error a signal does what it did before.
fn still_killed(case: &Case) {
    let child = case.ready();
    child.kill(SIGTERM);
    child.dies_by(SIGTERM);
}

fn wait_to_be_killed() {
    say("ready");
    stuck();
}

fn without_driver() -> [Runtime; 2] {
    [Builder::new_current_thread(), Builder::new_multi_thread()]
        .map(|mut builder| builder.enable_time().build().expect("a runtime"))
}

fn no_thread(backend: impl Backend) {
    // Root may start as many as it likes.
    system::become_nobody();
    let before = system::descriptors();
    let generous = limit(libc::RLIMIT_NPROC, 0);
    let result = ShutdownSignal::listen(backend);
    limit(libc::RLIMIT_NPROC, generous);
    assert!(matches!(result, Err(Error::Thread(_))), "{result:?}");
    assert_eq!(system::descriptors(), before);
    wait_to_be_killed();
}

/// The signal comes in the middle.
struct Interrupted;

impl Backend for Interrupted {
    type Watch = ();

    fn watch(self, notifier: Notifier) -> Result<(), Error> {
        system::raise(SIGTERM);
        GivesUp.watch(notifier)
    }
}

struct Panics;

impl Backend for Panics {
    type Watch = ();

    fn watch(self, _: Notifier) -> Result<(), Error> {
        panic!("a backend of somebody else's")
    }
}

/// Refuses every handler for `signal` from now on, as a sandbox might.
fn deny_handler(signal: i32) {
    const LOAD: u32 = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    const EQUAL: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    const RETURN: u32 = libc::BPF_RET | libc::BPF_K;
    const NUMBER: u32 = 0;
    const SIGNAL: u32 = 16; // the first argument
    const ACTION: u32 = 24; // the second one, NULL to ask only
    let step = |code: u32, jt, jf, k| {
        let code = code.try_into().expect("sixteen bits");
        libc::sock_filter { code, jt, jf, k }
    };
    let number = |number: libc::c_long| u32::try_from(number).expect("a system call");
    let mut filter = [
        step(LOAD, 0, 0, NUMBER),
        step(EQUAL, 0, 5, number(libc::SYS_rt_sigaction)),
        step(LOAD, 0, 0, SIGNAL),
        step(EQUAL, 0, 3, signal.unsigned_abs()),
        step(LOAD, 0, 0, ACTION),
        step(EQUAL, 1, 0, 0),
        step(RETURN, 0, 0, libc::SECCOMP_RET_ERRNO | libc::EPERM.unsigned_abs()),
        step(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: 8, filter: filter.as_mut_ptr() };
    // SAFETY: the program lives while the system copies it.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        let mode = libc::SECCOMP_MODE_FILTER;
        assert_eq!(libc::prctl(libc::PR_SET_SECCOMP, mode, &raw const program), 0);
    }
}

/// Each says what happened, and after a colon or a semicolon what to do.
#[test]
fn every_text_says_what_to_do() {
    let source = || io::Error::from_raw_os_error(libc::EMFILE);
    let texts = [
        (Error::NoSignals, "add one"),
        (Error::NotAllowed(Signal::Other(libc::SIGKILL)), "remove it from the set"),
        (Error::Unknown(Signal::Other(999)), "remove it from the set"),
        (Error::Register { signal: Signal::Hangup, source: source() }, "remove it from the set"),
        (Error::NoRuntime { runtime: "tokio" }, "call listen in an async fn"),
        (Error::NoDriver { runtime: "tokio" }, "enable_all()"),
        (Error::Descriptor(source()), "ulimit -n"),
        (Error::Parent(source()), "remove or_parent_exit()"),
        (Error::NotForStreams, "remove or_stdin_closed() and or_parent_exit()"),
        (Error::Thread(source()), "ulimit -u"),
        (Error::Backend("too tired".into()), "too tired"),
    ];
    for (error, advice) in texts {
        let text = error.to_string();
        assert!(text.contains(advice), "{text}");
        assert!(text.starts_with(char::is_lowercase) || text.starts_with("SIG"), "{text}");
        assert!(!text.ends_with('.') && !text.contains("  ") && !text.contains('\n'), "{text}");
        let source = error.source().map(ToString::to_string);
        assert!(
            source.is_none_or(|source| !text.contains(&source)),
            "a chain shows it twice: {text}"
        );
        assert_eq!(format!("{error:?}"), text, "what `main` prints");
    }
}

#[test]
fn events_of_windows_are_unknown_here() {
    for signal in [Signal::CtrlBreak, Signal::CtrlClose, Signal::CtrlLogoff, Signal::CtrlShutdown] {
        let error = Signals::default().with(signal).listen(Blocking).expect_err("it is refused");
        assert!(matches!(error, Error::Unknown(unknown) if unknown == signal));
        let text = format!("this platform has no {signal}: remove it from the set");
        assert_eq!(error.to_string(), text);
    }
}
