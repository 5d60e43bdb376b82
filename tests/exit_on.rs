//! `exit_on` ends the process in time and with the right status, even if other code hangs.
//!
//! `matrix` combines what can go wrong with each way to exit. `blockers` are hooks that block.
#![cfg(unix)]

#[path = "exit_on/blockers.rs"]
mod blockers;
mod common;
#[path = "exit_on/matrix.rs"]
mod matrix;

use std::future::pending;
use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use std::{panic, process, thread};

use blockers::{BLOCKERS, add_named, others_are_done, woken_while_it_is_polled};
use common::system::{full_pipe, replace};
use common::{BOUND, Case, block, cases, say, say_outcomes, silence_panics, variant};
use libc::{SIGINT, SIGTERM};
use matrix::Combination;
use signoff::hooks::{ExitGuard, ExitOn, HookReport, Outcome};
use signoff::{Blocking, Exit, Hooks, Report, ShutdownSignal};

const MS: Duration = Duration::from_millis(1);
const BUDGET: Duration = Duration::from_millis(300);
/// A busy machine may be so late.
const SLACK: Duration = Duration::from_secs(3);

cases! {
    combinations: matrix::hold, || Combination::parse(&variant().unwrap()).child();

    ctrl_c_during_the_hooks_ends_the_process: |case| {
        let child = case.ready();
        child.kill(SIGTERM);
        child.expect("begun");
        child.kill(SIGINT); // sent by another process, it counts only from the second one on
        child.kill_again(SIGINT);
        child.dies_by(SIGINT);
    }, || {
        let shutdown = ShutdownSignal::listen(Blocking).unwrap();
        let hangs = async || {
            say("begun");
            pending::<()>().await;
        };
        let _guard = Hooks::new().budget(BOUND).hook("hangs", hangs).exit_on(shutdown).start().unwrap();
        say("ready");
        block();
    };

    sigterm_during_the_hooks_does_nothing: |case| {
        let child = case.ready();
        child.kill(SIGTERM);
        child.expect("begun");
        child.kill_again(SIGTERM);
        child.expect("ended");
        child.exits_with(0);
    }, || {
        let shutdown = ShutdownSignal::listen(Blocking).unwrap();
        let slow = async || {
            say("begun");
            tokio::time::sleep(3 * common::ANOTHER_PRESS).await;
            say("ended");
        };
        let _guard = Hooks::new().budget(BOUND).hook("slow", slow).exit_on(shutdown).start().unwrap();
        say("ready");
        block();
    };

    hooks_are_not_cut_off_by_the_end_of_main: |case| {
        for variant in ["join", "drop", "await"] {
            let child = case.variant(variant).ready();
            child.kill(SIGTERM);
            child.expect("slow hook done");
            child.exits_with(9);
        }
    }, || {
        let shutdown = ShutdownSignal::listen(Blocking).unwrap();
        let slow = async || {
            tokio::time::sleep(Duration::from_millis(100)).await;
            say("slow hook done");
        };
        let hooks = Hooks::new().hook("slow", slow);
        let guard = hooks.exit_on(shutdown.clone()).exit(Exit::Code(9)).start().unwrap();
        say("ready");
        shutdown.wait();
        match variant().unwrap().as_str() {
            "join" => guard.join(),
            "drop" => drop(guard),
            _ => futures_lite::future::block_on(guard.into_future()),
        }
        process::exit(3); // as a main that returns
    };

    without_a_shutdown_main_ends_by_itself: |case| case.start().exits_with(3), || {
        for guard in (0..3).map(|_| armed(ShutdownSignal::listen(Blocking).unwrap())) {
            guard.join();
        }
        futures_lite::future::block_on(armed(ShutdownSignal::listen(Blocking).unwrap()).into_future());
        drop(armed(ShutdownSignal::manual()));
        process::exit(3);
    };

    hooks_stay_armed_without_the_guard: |case| {
        let child = case.ready();
        child.kill(SIGTERM);
        child.expect("hook ran");
        child.exits_with(0);
    }, || {
        drop(armed(ShutdownSignal::listen(Blocking).unwrap()));
        say("ready");
        block();
    };

    a_request_is_enough: |case| says(case, "request: enough", 1), || {
        let hooks = Hooks::new().hook("fails", async || Err::<(), _>("bad"));
        let say_reason = |report: Report| say(report.reason().unwrap());
        requested(|shutdown| hooks.exit_on(shutdown).exit(Exit::Signal).on_report(say_reason));
    };

    buffered_output_is_not_lost: |case| says(case, "the tail", 0), || {
        let shutdown = ShutdownSignal::manual();
        let guard = Hooks::new().exit_on(shutdown.clone()).start().unwrap();
        print!("\n@the tail");
        shutdown.request("enough");
        guard.join();
    };

    a_report_that_hangs_or_panics_does_not_stop_the_end: |case| {
        for variant in ["hangs", "panics", "hangs without a limit"] {
            let child = case.variant(variant).start();
            child.expect("last");
            child.exits_with(0);
        }
    }, || {
        silence_panics();
        let report = |_| match variant().unwrap().as_str() {
            "panics" => panic!("on purpose"),
            _ => block(),
        };
        let is_endless = variant().unwrap().ends_with("limit");
        let budget = if is_endless { Duration::MAX } else { BUDGET };
        let hooks = Hooks::new().budget(budget).hook("last", async || say("last"));
        requested(|shutdown| hooks.exit_on(shutdown).on_report(report));
    };

    output_that_nobody_reads_does_not_use_up_the_budget: |case| {
        let child = case.start();
        child.expect("started");
        let start = Instant::now();
        child.exits_with(0);
        assert!(start.elapsed() < BOUND / 2);
    }, || {
        let shutdown = ShutdownSignal::manual();
        let guard = Hooks::new().budget(BOUND).exit_on(shutdown.clone()).start().unwrap();
        say("started");
        replace(io::stdout().as_fd(), &full_pipe());
        print!("what nobody will ever read");
        shutdown.request("enough");
        guard.join();
    };

    // Nothing watches a budget without a limit but the limits of the hooks.
    endless_budgets_end_with_their_hooks: |case| says(case, "hook ran", 1), || {
        let hooks = Hooks::new().budget(Duration::MAX).hook("blocks", async || block());
        let hooks = hooks.within(50 * MS).then();
        requested(|shutdown| hooks.hook("next", async || say("hook ran")).exit_on(shutdown));
    };

    // The last one starts when a thread is free: late, and blocks before it is a future.
    a_limit_holds_for_a_hook_that_starts_late: |case| says(case, "hook ran", 1), || {
        let hooks = Hooks::new().budget(Duration::MAX);
        let hooks = (0..256).fold(hooks, |hooks, _| hooks.hook("sleeps", async || thread::sleep(200 * MS)));
        let hooks = hooks.hook("blocks", || {
            block();
            #[allow(unreachable_code, reason = "it makes this a hook")]
            async {}
        });
        let hooks = hooks.within(50 * MS).then();
        requested(|shutdown| hooks.hook("next", async || say("hook ran")).exit_on(shutdown));
    };

    a_hook_that_blocks_its_thread_keeps_only_itself: |case| thread::scope(|scope| {
        for variant in BLOCKERS {
            scope.spawn(move || others_are_done(&case.variant(variant)));
        }
    }), || {
        let hooks = Hooks::new().budget(10 * BUDGET);
        let hooks = variant().unwrap().split(", ").fold(hooks, add_named);
        requested(|shutdown| hooks.exit_on(shutdown).on_report(|report| say_outcomes(&report)));
    };

    a_hook_may_come_back: |case| {
        let child = case.start();
        let start = Instant::now();
        for line in ["ends: done", "waits: done", "hands over: done", "timer: done", "next: done"] {
            child.expect(line);
        }
        child.exits_with(0);
        assert!(start.elapsed() < BOUND / 3, "long before its limit");
    }, || {
        let hooks = Hooks::new().budget(BOUND).hook("ends", async || thread::sleep(1000 * MS));
        let waits = async || {
            thread::sleep(200 * MS);
            tokio::time::sleep(20 * MS).await;
        };
        let hooks = hooks.hook("waits", waits).hook("hands over", woken_while_it_is_polled);
        let hooks = add_named(hooks, "timer").then().hook("next", async || {});
        requested(|shutdown| hooks.exit_on(shutdown).on_report(|report| say_outcomes(&report)));
    };

    no_time_at_all: |case| case.start().exits_with(1), || {
        let hooks = Hooks::new().budget(Duration::ZERO).hook("hangs", pending::<()>);
        requested(|shutdown| hooks.exit_on(shutdown));
    };

    a_report_may_own_the_guard: |case| says(case, "dropped", 0), || {
        let shutdown = ShutdownSignal::manual();
        let place = Arc::new(Mutex::new(None));
        let owned = Arc::clone(&place);
        let exit_on = Hooks::new().budget(BUDGET).exit_on(shutdown.clone()).on_report(move |_| {
            drop(owned.lock().unwrap().take());
            say("dropped");
        });
        *place.lock().unwrap() = Some(exit_on.start().unwrap());
        shutdown.request("enough");
        block();
    };

    // Suspended for longer than the budget: every hook is still started, and polled once.
    suspended_for_longer_than_the_budget: |case| {
        let child = case.ready();
        child.kill(SIGTERM);
        child.expect("begun");
        child.kill(libc::SIGSTOP);
        thread::sleep(5 * BUDGET);
        child.kill(libc::SIGCONT);
        for line in ["second", "third", "hangs: timed out", "second: done", "third: done"] {
            child.expect(line);
        }
        child.exits_with(1);
    }, || {
        let shutdown = ShutdownSignal::listen(Blocking).unwrap();
        let hangs = async || {
            say("begun");
            pending::<()>().await;
        };
        let hooks = Hooks::new().budget(3 * BUDGET).hook("hangs", hangs).then();
        let hooks = hooks.hook("second", async || say("second")).then();
        let hooks = hooks.blocking("third", || say("third"));
        let exit_on = hooks.exit_on(shutdown).quiet().on_report(|report| say_outcomes(&report));
        let _guard = exit_on.start().unwrap();
        say("ready");
        block();
    };

    // The budget is used up, and it has some time all the same.
    a_report_has_time: |case| case.holds_once(|child| {
        let line = child.line();
        child.exits_with(1);
        if line == "hangs: abandoned" { Ok(()) } else { Err(line) }
    }), || {
        let hooks = Hooks::new().budget(BUDGET).blocking("hangs", block);
        requested(|shutdown| hooks.exit_on(shutdown).on_report(|report| {
            thread::sleep(50 * MS);
            say_outcomes(&report);
        }));
    };

    there_is_one_report: |case| {
        for variant in ["returns", "hangs", "panics"] {
            let child = case.variant(variant).start();
            child.expect("report");
            child.expect("the tail");
            let ended = child.ends();
            assert_eq!((ended.status.code(), &*ended.unread), (Some(1), &[][..]), "{ended:?}");
        }
    }, || {
        silence_panics();
        let hooks = Hooks::new().budget(BUDGET).hook("hangs", pending::<()>);
        requested(|shutdown| hooks.exit_on(shutdown).on_report(|_| {
            say("report");
            print!("\n@the tail"); // flushed although this does not return
            match variant().unwrap().as_str() {
                "panics" => panic!("on purpose"),
                "hangs" => block(),
                _ => {}
            }
        }));
    };

    awaiting_the_guard_does_not_block_its_thread: |case| {
        let child = case.start();
        child.expect("not blocked");
        child.expect("hook");
        child.exits_with(0);
    }, || {
        let shutdown = ShutdownSignal::manual();
        let (go, waits) = std::sync::mpsc::channel();
        let hook = move || {
            waits.recv().unwrap();
            say("hook");
        };
        let hooks = Hooks::new().budget(BOUND).blocking("hook", hook);
        let guard = hooks.exit_on(shutdown.clone()).start().unwrap();
        shutdown.request("enough");
        futures_lite::future::block_on(futures_lite::future::zip(guard.into_future(), async {
            say("not blocked");
            go.send(()).unwrap();
        }));
    };

    // More hooks than threads: those that wait are still polled once.
    many_hooks: |case| {
        for (variant, outcome, code) in [("wait", "not done", 1), ("end", "done", 0), ("block", "abandoned", 1)] {
            case.variant(variant).holds_once(|child| {
                let line = child.line();
                child.exits_with(code);
                if line == format!("300 begun, 300 {outcome}") { Ok(()) } else { Err(line) }
            });
        }
    }, || {
        let begun = Arc::new(AtomicUsize::new(0));
        let budget = if variant().unwrap() == "end" { BOUND } else { 2 * BUDGET };
        let hooks = (0..300).fold(Hooks::new().budget(budget), |hooks, number| {
            let begun = Arc::clone(&begun);
            hooks.hook(number.to_string(), async move || {
                begun.fetch_add(1, Ordering::SeqCst);
                match variant().unwrap().as_str() {
                    "wait" => pending().await,
                    "block" => block(),
                    _ => {}
                }
            })
        });
        requested(|shutdown| hooks.exit_on(shutdown).on_report(move |report| {
            let outcome = |hook: &HookReport| match (hook.outcome(), variant().as_deref()) {
                // On a busy machine a thread may be late to drop its hook.
                (Outcome::TimedOut | Outcome::Abandoned, Some("wait")) => "not done".to_owned(),
                (outcome, _) => outcome.to_string(),
            };
            let first = outcome(&report.hooks()[0]);
            let same = report.hooks().iter().filter(|hook| outcome(hook) == first);
            say(format_args!("{} begun, {} {first}", begun.load(Ordering::SeqCst), same.count()));
        }));
    };

    // A guard in the hands of a hook would wait for itself.
    a_hook_may_own_the_guard: |case| says(case, "dropped", 0), || {
        let shutdown = ShutdownSignal::manual();
        let place = Arc::new(Mutex::new(None));
        let owned = Arc::clone(&place);
        let hooks = Hooks::new().hook("owner", async move || {
            drop(owned.lock().unwrap().take());
            say("dropped");
        });
        *place.lock().unwrap() = Some(hooks.exit_on(shutdown.clone()).start().unwrap());
        shutdown.request("enough");
        block();
    };
}

/// The child says this line and exits with this status.
fn says(case: &Case, line: &str, status: i32) {
    let child = case.start();
    child.expect(line);
    child.exits_with(status);
}

/// Starts the hooks, requests the shutdown and waits for the exit.
fn requested(exit_on: impl FnOnce(ShutdownSignal) -> ExitOn) {
    let shutdown = ShutdownSignal::manual();
    let guard = exit_on(shutdown.clone()).quiet().start().unwrap();
    shutdown.request("enough");
    guard.join();
}

fn armed(shutdown: ShutdownSignal) -> ExitGuard {
    Hooks::new().hook("says", async || say("hook ran")).exit_on(shutdown).start().unwrap()
}
