//! The contract on Windows: real console events in child processes, on every backend.
#![cfg(windows)]
#![allow(unsafe_code, reason = "console events")]

#[path = "windows/child.rs"]
mod child;
#[path = "windows/system.rs"]
mod system;

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use child::{Case, cases, say, until_told, variant};
use futures_lite::future;
use signoff::hooks::Exit;
use signoff::{
    AsyncStd, Blocking, Error, ForcedExit, Hooks, ShutdownSignal, Signal, Signals, Smol, Tokio,
};
use system::{
    CONTROL_C_EXIT, CTRL_BREAK, CTRL_C, CTRL_CLOSE, CTRL_LOGOFF, CTRL_SHUTDOWN, EVENTS, raise,
};
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
    system::ignore_ctrl_c(false); // the tests may run in a process group of their own
    let _entered = runtime.enter();
    let listening = match backend {
        "tokio" => ShutdownSignal::listen(Tokio),
        "async-std" => ShutdownSignal::listen(AsyncStd),
        "smol" => ShutdownSignal::listen(Smol),
        _ => ShutdownSignal::listen(Blocking),
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

/// The child of a case that is over with the signal.
fn resolve() {
    let runtime = runtime();
    let shutdown = listen_on(&variant(), &runtime);
    say("ready");
    runtime.block_on(shutdown.clone());
    say(shutdown.reason().expect("it is requested"));
    future::block_on(shutdown.clone()); // a late clone, on another executor
    until_told();
}

fn each_event(case: &Case, check: impl Fn(&Case, &str, u32)) {
    for (backend, event) in BACKENDS.into_iter().flat_map(|b| EVENTS.map(|event| (b, event))) {
        check(case, backend, event);
    }
}

cases! {
    every_event_resolves_every_clone: |case| each_event(case, |case, backend, event| {
        let child = case.ready(backend);
        let delivery = child.send(event);
        child.expect(name_of(event));
        // After close, logoff and shutdown Windows ends the process when the handler returns.
        let time = if is_kept(event) { KEPT } else { BOUND };
        assert_eq!(delivery.ends_within(time), !is_kept(event), "{}", name_of(event));
        child.passes();
    }), resolve;

    a_signal_before_the_first_poll_is_not_lost: |case| for backend in BACKENDS {
        case.passes(backend);
    }, || {
        let runtime = runtime();
        let shutdown = listen_on(&variant(), &runtime);
        raise(CTRL_BREAK);
        assert!(shutdown.is_requested());
        runtime.block_on(shutdown);
    };

    a_blocked_runtime_and_one_that_is_gone: |case| for backend in BACKENDS {
        case.passes(backend);
    }, || {
        let runtime = runtime();
        let shutdown = listen_on(&variant(), &runtime);
        let task = runtime.spawn(shutdown.clone());
        runtime.block_on(async {
            raise(CTRL_C); // blocks
            assert!(shutdown.is_requested());
            task.await.expect("no panic");
        });
        drop(runtime);
        shutdown.wait();
        future::block_on(shutdown);
    };

    threads_and_channels_wake: |case| case.passes("blocking"), || {
        let shutdown = listen();
        thread::scope(|scope| {
            let waits = [
                scope.spawn(|| shutdown.wait().to_string()),
                scope.spawn(|| shutdown.wait_timeout(BOUND).expect("in time").to_string()),
            ];
            let receiver = shutdown.channel();
            assert_eq!(shutdown.wait_timeout(Duration::from_millis(1)), None);
            raise(CTRL_BREAK);
            assert!(receiver.recv_timeout(BOUND).is_err_and(|error| error == crossbeam_channel::RecvTimeoutError::Disconnected));
            for wait in waits {
                assert_eq!(wait.join().expect("no panic"), "CTRL_BREAK");
            }
        });
    };

    several_listeners_all_get_it: |case| case.passes("all"), || {
        let runtime = runtime();
        let all = BACKENDS.map(|backend| listen_on(backend, &runtime));
        let dropped = listen_on("blocking", &runtime);
        drop(dropped);
        raise(CTRL_C);
        for shutdown in all {
            assert!(shutdown.is_requested());
            runtime.block_on(shutdown);
        }
    };

    a_request_wakes_threads_and_tasks: |case| for backend in BACKENDS {
        case.passes(backend);
    }, || {
        let runtime = runtime();
        let shutdown = listen_on(&variant(), &runtime);
        let task = runtime.spawn(shutdown.clone());
        thread::scope(|scope| {
            let waits = scope.spawn(|| shutdown.wait());
            assert!(shutdown.request("enough"));
            assert_eq!(waits.join().expect("no panic").to_string(), "request: enough");
        });
        runtime.block_on(task).expect("no panic");
    };
}

// A second Ctrl-C.
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

// The last clone.
cases! {
    the_default_is_back_after_the_last_clone: |case| for event in EVENTS {
        let status = |variant| {
            let child = case.ready(variant);
            child.send(event);
            child.ends()
        };
        assert_eq!(status("dropped"), status("never listened"), "{}", name_of(event));
    }, || {
        system::ignore_ctrl_c(false);
        if variant() == "dropped" {
            let shutdown = listen();
            drop(shutdown.clone());
            drop(shutdown);
        }
        say("ready");
        stuck()
    };

    a_shutdown_that_is_over_leaves_the_default: |case| {
        let child = case.ready("seen");
        child.send_again(CTRL_BREAK);
        child.exits_with(CONTROL_C_EXIT);
    }, || {
        let shutdown = listen();
        raise(CTRL_BREAK);
        shutdown.wait();
        drop(shutdown);
        say("ready");
        stuck()
    };

    a_signal_that_was_not_seen_takes_effect_at_the_drop: |case| {
        case.ready("unseen").exits_with(CONTROL_C_EXIT);
    }, || {
        let shutdown = listen();
        raise(CTRL_BREAK);
        say("ready");
        drop(shutdown);
        stuck()
    };

    another_listener_keeps_the_event: |case| case.passes("two"), || {
        let (first, second) = (listen(), listen());
        raise(CTRL_C);
        drop(first);
        assert_eq!(second.wait().to_string(), "SIGINT");
    };

    an_earlier_handler_gets_what_is_not_listened_to: |case| case.passes("handler"), || {
        static EVENTS_SEEN: AtomicU32 = AtomicU32::new(0);
        extern "system" fn earlier(_: u32) -> i32 {
            EVENTS_SEEN.fetch_add(1, Ordering::Relaxed);
            1
        }
        extern "system" fn later(_: u32) -> i32 {
            0
        }
        system::ignore_ctrl_c(false);
        system::add_handler(earlier);
        let ctrl_c = Signals::none().with(Signal::Interrupt).listen(Blocking);
        let ctrl_c = ctrl_c.expect("nothing is in the way");
        system::add_handler(later);
        raise(CTRL_BREAK);
        assert_eq!(EVENTS_SEEN.load(Ordering::Relaxed), 1);
        raise(CTRL_C);
        ctrl_c.wait();
        assert_eq!(EVENTS_SEEN.load(Ordering::Relaxed), 1);
        drop(ctrl_c);
        thread::sleep(ANOTHER_PRESS);
        raise(CTRL_BREAK);
        assert_eq!(EVENTS_SEEN.load(Ordering::Relaxed), 2);
    };

    listeners_come_and_go_while_events_come: |case| case.passes("stress"), || {
        system::ignore_ctrl_c(false);
        let signals = || Signals::default().forced_exit(ForcedExit::Never).listen(Blocking);
        let stays = signals().expect("nothing is in the way");
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| for _ in 0..200 {
                    let shutdown = signals().expect("nothing is in the way");
                    let _ = shutdown.is_requested();
                });
            }
            for event in [CTRL_C, CTRL_BREAK].repeat(20) {
                raise(event);
            }
        });
        assert!(stays.is_requested());
    };
}

// Consoles, and what the process inherited.
cases! {
    an_ignored_ctrl_c_stays_ignored: |case| {
        let mut child = case.ready_group();
        assert!(child.send(CTRL_C).ends_within(BOUND));
        child.go_on();
        child.expect("requested: false");
        if !system::is_wine() { // which ignores every event then
            child.send(CTRL_BREAK);
            child.expect("CTRL_BREAK");
        }
        drop(child);
    }, || {
        let shutdown = ShutdownSignal::listen(Blocking).expect("nothing is in the way");
        say("ready");
        until_told();
        say(format_args!("requested: {}", shutdown.is_requested()));
        say(shutdown.wait());
    };

    without_a_console: |case| case.passes("none"), || {
        system::leave_console();
        let shutdown = listen();
        raise(CTRL_BREAK);
        shutdown.wait();
    };

    ctrl_c_in_a_console: |case| case.passes("console"), || {
        let shutdown = listen();
        assert!(system::press_ctrl_c_in_own_console());
        assert_eq!(shutdown.wait_timeout(BOUND).expect("in time").to_string(), "SIGINT");
    };
}

// Hooks.
cases! {
    hooks_run_and_the_process_exits: |case| each_event(case, |case, backend, event| {
        let child = case.ready(backend);
        child.send(event);
        for line in ["flush", "close", "clean: true"] {
            child.expect(line);
        }
        child.exits_with(0);
    }), || {
        let runtime = runtime();
        let shutdown = listen_on(&variant(), &runtime);
        let guard = Hooks::new()
            .budget(Duration::from_secs(4))
            .hook("flush", async || {
                tokio::time::sleep(Duration::from_millis(5)).await;
                say("flush");
            })
            .then()
            .blocking("close", || say("close"))
            .exit_on(shutdown.clone())
            .on_report(|report| say(format_args!("clean: {}", report.is_clean())))
            .start()
            .expect("threads");
        say("ready");
        shutdown.wait();
        guard.join();
    };

    a_hook_that_hangs_is_abandoned: |case| {
        let child = case.ready("hang");
        child.send(CTRL_CLOSE);
        child.exits_with(1);
    }, || {
        let shutdown = listen();
        let _guard = Hooks::new()
            .budget(Duration::from_millis(50))
            .blocking("hangs", || stuck())
            .hook("hangs too", async || stuck())
            .exit_on(shutdown)
            .start()
            .expect("threads");
        say("ready");
        stuck()
    };

    exit_by_signal_is_the_status_of_ctrl_c: |case| {
        let child = case.ready("signal");
        child.send(CTRL_BREAK);
        child.exits_with(CONTROL_C_EXIT);
    }, || {
        let hooks = Hooks::new().exit_on(listen()).exit(Exit::Signal);
        let _guard = hooks.start().expect("threads");
        say("ready");
        stuck()
    };
}

#[test]
fn the_default_set_has_every_event() {
    let all = [
        Signal::CtrlBreak,
        Signal::CtrlClose,
        Signal::CtrlLogoff,
        Signal::CtrlShutdown,
        Signal::Interrupt,
    ];
    let set = all.into_iter().fold(Signals::none(), Signals::with);
    assert_eq!(set, Signals::default());
    assert_eq!(set.without(Signal::Interrupt), Signals::none().with(Signal::Terminate));
    assert_eq!(
        Signals::default().without(Signal::Terminate),
        Signals::none().with(Signal::Interrupt)
    );
}

#[test]
fn signals_of_other_platforms_are_unknown() {
    for signal in [Signal::Hangup, Signal::Quit, Signal::Other(9), Signal::Other(12)] {
        let error = Signals::default().with(signal).listen(Blocking).expect_err("it is refused");
        assert!(matches!(error, Error::Unknown(unknown) if unknown == signal));
        let text = format!("this platform has no {signal}: remove it from the set");
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn tokio_needs_a_runtime_here_too() {
    let error = ShutdownSignal::listen(Tokio).expect_err("there is no runtime");
    assert!(matches!(error, Error::NoRuntime { runtime: "tokio" }));
}

#[test]
fn an_empty_set_is_refused() {
    assert!(matches!(Signals::none().listen(Blocking), Err(Error::NoSignals)));
}
