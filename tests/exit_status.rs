//! The exit status of `exit_on`, and which shutdowns the process waits for.
#![cfg(unix)]

mod common;

use std::panic;
use std::process;
use std::thread;
use std::time::Duration;

use common::{BOUND, block, cases, say, say_outcomes, silence_panics, system, variant};
use futures_lite::future::block_on;
use libc::SIGTERM;
use signoff::hooks::{ExitGuard, ExitOn};
use signoff::{Blocking, Exit, Hooks, ShutdownSignal, Signal, Signals, Tokio};

cases! {
    a_failure_is_a_failing_status: |case| {
        for variant in ["at once", "after a request", "from a hook"] {
            let child = case.variant(variant).start();
            child.expect("works: done");
            child.expect("clean: false");
            child.exits_with(1);
        }
    }, || {
        let shutdown = ShutdownSignal::manual();
        let (when, hook) = (variant().unwrap(), shutdown.clone());
        let fails = when == "from a hook";
        let works = async move || {
            if fails {
                hook.fail("broken");
            }
        };
        let exit_on = Hooks::new().hook("works", works).exit_on(shutdown.clone());
        if when != "at once" {
            shutdown.request("enough");
        }
        if !fails {
            shutdown.fail("broken");
        }
        exits(exit_on.on_report(|report| {
            say_outcomes(&report);
            say(format_args!("clean: {}", report.is_clean()));
        }));
    };

    a_closure_chooses_the_status: |case| {
        for (variant, status) in [("chooses", 42), ("panics", 1), ("hangs", 1)] {
            let child = case.variant(variant).start();
            child.expect("fails: failed: bad");
            child.exits_with(status);
        }
    }, || {
        silence_panics();
        let shutdown = ShutdownSignal::manual();
        shutdown.request("enough");
        let fails = async || {
            Err::<(), _>("bad")
        };
        let exit_on = Hooks::new().budget(Duration::from_millis(100)).hook("fails", fails).exit_on(shutdown);
        exits(exit_on.exit_with(|report| {
            say_outcomes(report);
            match variant().unwrap().as_str() {
                "chooses" => Exit::Code(42),
                "panics" => panic!("on purpose"),
                _ => block(),
            }
        }));
    };

    // Interrupted as a shell expects it, but a failure has a status of its own.
    a_closure_chooses_between_the_signal_and_a_status: |case| {
        let stop = |variant| {
            let child = case.variant(variant).ready();
            child.kill(SIGTERM);
            child.expect("report");
            child
        };
        stop("clean").dies_by(SIGTERM);
        stop("fails").exits_with(70);
        stop("panics").exits_with(7); // and the report comes
    }, || {
        silence_panics();
        let shutdown = ShutdownSignal::listen(Blocking).unwrap();
        let variant = variant().unwrap();
        let fails = variant == "fails";
        let hook = async move || if fails { Err("bad") } else { Ok(()) };
        let exit_on = Hooks::new().hook("hook", hook).exit_on(shutdown).exit(Exit::Code(7));
        let exit_on = exit_on.on_report(|_| say("report")).exit_with(move |report| {
            assert!(variant != "panics", "on purpose");
            if report.is_clean() { Exit::Signal } else { Exit::Code(70) }
        });
        let _guard = exit_on.start().unwrap();
        say("ready");
        block();
    };

    a_main_that_panics_is_101: |case| {
        let child = case.ready();
        child.kill(SIGTERM);
        child.expect("begun");
        child.exits_with(101);
    }, || {
        silence_panics();
        let shutdown = ShutdownSignal::listen(Blocking).unwrap();
        let (begun, waits) = std::sync::mpsc::channel();
        let hook = move || {
            say("begun");
            begun.send(()).unwrap();
            thread::sleep(Duration::from_millis(300));
        };
        let _guard = Hooks::new().blocking("slow", hook).exit_on(shutdown).start().unwrap();
        say("ready");
        waits.recv().unwrap();
        panic!("a bug");
    };

    before_a_shutdown_a_panic_is_only_a_panic: |case| case.start().exits_with(101), || {
        silence_panics();
        thread::spawn(|| {
            let shutdown = ShutdownSignal::manual();
            let _guard = Hooks::new().exit_on(shutdown).start().unwrap();
            panic!("a bug");
        }).join().unwrap_err();
        process::exit(101); // not stuck in the guard
    };

    one_that_fails_is_enough: |case| {
        for variant in ["first", "second"] {
            let child = case.variant(variant).ready();
            child.kill(SIGTERM);
            let mut lines = [child.line(), child.line()];
            lines.sort_unstable();
            assert_eq!(lines, ["bad", "good"]);
            child.exits_with(1);
        }
    }, || {
        let shutdown = ShutdownSignal::listen(Blocking).unwrap();
        let good = Hooks::new().hook("good", async || say("good"));
        let bad = Hooks::new().hook("bad", async || {
            say("bad");
            Err::<(), _>("on purpose")
        });
        let pair = if variant().unwrap() == "first" { [bad, good] } else { [good, bad] };
        let _guards = pair.map(|hooks| hooks.exit_on(shutdown.clone()).quiet().start().unwrap());
        say("ready");
        block()
    };

    the_highest_status_wins_and_a_signal_beats_it: |case| {
        let child = case.variant("codes").start();
        child.expect("hook");
        child.expect("hook");
        child.exits_with(9);
        let child = case.variant("signal").ready();
        child.kill(SIGTERM);
        child.expect("hook");
        child.expect("hook");
        child.dies_by(SIGTERM);
    }, || {
        let listens = variant().unwrap() == "signal";
        let shutdown = if listens {
            ShutdownSignal::listen(Blocking).unwrap()
        } else {
            ShutdownSignal::manual()
        };
        let exit = if listens { Exit::Signal } else { Exit::Code(9) };
        let says = || Hooks::new().hook("says", async || say("hook")).exit_on(shutdown.clone());
        let _first = says().exit(exit).start().unwrap();
        let _second = says().start().unwrap();
        if listens {
            say("ready");
        } else {
            shutdown.request("enough");
        }
        block()
    };

    a_shutdown_that_was_not_requested_is_not_waited_for: |case| {
        let child = case.ready();
        child.kill(SIGTERM);
        child.expect("requested");
        child.exits_with(0);
    }, || {
        let other = Signals::none().with(Signal::Hangup).listen(Blocking).unwrap();
        let _never = Hooks::new().hook("never", async || say("never")).exit_on(other).start().unwrap();
        let shutdown = ShutdownSignal::listen(Blocking).unwrap();
        let hooks = Hooks::new().hook("requested", async || say("requested"));
        let _guard = hooks.exit_on(shutdown).start().unwrap();
        say("ready");
        block()
    };

    // A forked child has copies of its parent's jobs, and none of their threads.
    jobs_of_the_parent_do_not_count: |case| {
        let child = case.start();
        child.expect("hook of the child");
        child.expect("exit status 7");
        child.expect("parent");
        child.exits_with(0);
    }, || {
        let shutdown = ShutdownSignal::manual();
        let (go, waits) = std::sync::mpsc::channel::<()>();
        let says = move || {
            let _ = waits.recv();
            say("parent");
        };
        let guard = Hooks::new().budget(BOUND).blocking("says", says).exit_on(shutdown.clone()).start();
        shutdown.request("before the fork");
        let pid = system::fork(|| {
            let own = ShutdownSignal::listen(Blocking).unwrap();
            let hooks = Hooks::new().hook("own", async || say("hook of the child"));
            let guard = hooks.exit_on(own.clone()).exit(Exit::Code(7)).start().unwrap();
            own.request("in the child");
            guard.join();
        });
        let status = system::wait_for(pid);
        say(format_args!("exit status {}", libc::WEXITSTATUS(status)));
        drop(go);
        guard.unwrap().join();
    };

    a_guard_that_is_dropped_in_a_forked_child_does_not_wait: |case| case.start().passes(), || {
        let shutdown = ShutdownSignal::listen(Blocking).unwrap();
        let guard: ExitGuard =
            Hooks::new().exit_on(shutdown.clone()).start().unwrap();
        let pid = system::fork(|| {
            shutdown.request("in the child");
            drop(guard);
        });
        assert_eq!(libc::WEXITSTATUS(system::wait_for(pid)), system::CHILD_RETURNED);
    };

    // No thread of the process would take it then.
    a_signal_that_every_thread_blocks_ends_the_process: |case| {
        let child = case.blocking(SIGTERM).ready();
        child.kill(SIGTERM);
        child.expect("hook");
        child.dies_by(SIGTERM);
    }, || {
        let (blocked, is_blocked) = std::sync::mpsc::channel();
        let hook = move || {
            is_blocked.recv().unwrap();
            say("hook");
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let shutdown = ShutdownSignal::listen(Tokio).unwrap(); // unblocks it on this thread
            let hooks = Hooks::new().blocking("waits", hook);
            let exit_on = hooks.exit_on(shutdown.clone()).exit(Exit::Signal);
            let start = move || {
                system::block(&[SIGTERM]); // for the threads that it starts
                exit_on.start().unwrap()
            };
            let guard = thread::spawn(start).join().unwrap();
            say("ready");
            shutdown.wait();
            system::block(&[SIGTERM]);
            blocked.send(()).unwrap();
            guard.join();
        });
    };

    both_hooks_run_if_one_signal_reaches_two_listeners: |case| {
        for _ in 0..20 {
            let child = case.ready();
            child.kill(SIGTERM);
            let mut lines = [child.line(), child.line()];
            lines.sort_unstable();
            assert_eq!(lines, ["one", "two"]);
            child.exits_with(0);
        }
    }, || {
        let _armed = ["one", "two"].map(|name| {
            let shutdown = ShutdownSignal::listen(Blocking).unwrap();
            Hooks::new().hook(name, async move || say(name)).exit_on(shutdown).start().unwrap()
        });
        say("ready");
        block()
    };

    // Only a panic during the shutdown is a status of 101.
    a_guard_that_a_panic_drops_before_the_shutdown: |case| {
        let child = case.start();
        child.expect("requested");
        child.exits_with(0);
    }, || {
        silence_panics();
        let shutdown = ShutdownSignal::manual();
        let guard = Hooks::new().exit_on(shutdown.clone()).quiet().start().unwrap();
        let panics = move || {
            let _guard = guard;
            panic!("nothing waits for it");
        };
        assert!(thread::spawn(panics).join().is_err());
        say("requested");
        shutdown.request("enough");
        block()
    };

    // Others that wait for the same signal learn of it.
    a_failure_of_the_program_is_one_of_the_shutdown: |case| {
        let child = case.start();
        child.expect("clean: false");
        child.exits_with(1);
    }, || {
        let shutdown = ShutdownSignal::manual();
        let other = shutdown.clone();
        let says = move || {
            let report = block_on(Hooks::new().run_on(other));
            say(format_args!("clean: {}", report.is_clean()));
        };
        let exit_on = Hooks::new().budget(BOUND).blocking("other", says).exit_on(shutdown).quiet();
        block_on(exit_on.run(async { Err::<(), _>("bad") })).unwrap();
    };
}

fn exits(exit_on: ExitOn) {
    exit_on.quiet().start().unwrap().join();
}
