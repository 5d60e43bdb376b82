//! The end of the budget: hooks that start there, and a driver that is stuck.
#![cfg(target_os = "linux")]

mod common;

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use common::{BOUND, Case, block, cases, say, say_outcomes, system, variant};
use libc::{SIGCONT, SIGSTOP, SIGTERM};
use signoff::hooks::Outcome;
use signoff::{Blocking, Hooks, Report, ShutdownSignal};

const MS: Duration = Duration::from_millis(1);
const BUDGET: Duration = Duration::from_millis(400);
const MANY: usize = 1000;

cases! {
    many_hooks_start_at_the_end: |case| all_start(&case.variant("idle"), |_| ()),
        many_hooks;

    many_hooks_start_at_the_end_on_a_busy_processor: |case| all_start(&case.variant("busy"), |_| ()),
        many_hooks;

    // Its budget is over when it runs again.
    many_hooks_start_in_a_process_that_was_stopped: |case| all_start(&case.variant("idle"), |child| {
        child.kill(SIGSTOP);
        thread::sleep(2 * BUDGET);
        child.kill(SIGCONT);
    }), many_hooks;

    // The driver runs the hooks itself if it gets no thread. The report has one.
    a_report_that_blocks_while_the_driver_is_stuck: |case| {
        case.holds_once(|child| {
            child.expect("requested");
            let lines = [child.line(), child.line(), child.line()];
            child.exits_with(1);
            let all = ["blocks: abandoned", "next: not started", "the tail"];
            if lines == all { Ok(()) } else { Err(lines.concat()) }
        });
    }, || stuck_driver(|| block(), |report| {
        say_outcomes(&report);
        print!("\n@the tail"); // flushed although this does not return
        block();
    });

    // Half a second after its budget, also if that is shorter than the time before the first line.
    the_process_is_gone_in_time: |case| {
        case.holds_once(|child| {
            child.expect("requested");
            let start = Instant::now();
            child.exits_with(1);
            let took = start.elapsed();
            if took < BUDGET + 550 * MS { Ok(()) } else { Err(format!("{took:?}")) }
        });
    }, || stuck_driver(|| block(), |_| block());

    // It comes back when the report is written. Nothing starts then.
    a_driver_that_comes_back_after_the_report_opens_no_stage: |case| {
        case.holds_once(|child| {
            child.expect("requested");
            let lines = [child.line(), child.line()];
            let ended = child.ends();
            assert_eq!((ended.status.code(), &*ended.unread), (Some(1), &[][..]), "{ended:?}");
            let both = ["blocks: abandoned", "next: not started"];
            if lines == both { Ok(()) } else { Err(lines.concat()) }
        });
    }, || {
        let (go, goes) = mpsc::channel::<()>();
        stuck_driver(move || _ = goes.recv(), move |report| {
            say_outcomes(&report);
            drop(go);
            thread::sleep(200 * MS); // the process exits then, and a stage would have the time
        });
    };

    // Another shutdown still runs its hooks when the driver of the first one comes back. The process exits
    // after both.
    a_driver_that_comes_back_undoes_no_end: |case| {
        let child = case.start();
        child.expect("requested");
        child.exits_with(1);
    }, || {
        let second = ShutdownSignal::manual();
        let (reported, report) = mpsc::channel();
        let (go, goes) = mpsc::channel::<()>();
        let hooks = Hooks::new().budget(BOUND).blocking("second", move || {
            report.recv().unwrap();
            thread::sleep(2 * BUDGET); // the first one has ended by now
            drop(go);
            thread::sleep(BUDGET); // its driver has come back
        });
        let _guard = hooks.exit_on(second.clone()).quiet().start().unwrap();
        let blocks = move || {
            second.request("too");
            _ = goes.recv();
        };
        stuck_driver(blocks, move |_| reported.send(()).unwrap());
    };
}

/// Each of them is started once. A machine may be too busy for that, but not every time.
fn all_start(case: &Case, interrupt: fn(&common::Child)) {
    case.holds_once(|child| {
        child.expect("ready");
        child.kill(SIGTERM);
        child.expect("begun");
        interrupt(&child);
        let line = child.line();
        child.exits_with(1);
        let all = format!("{MANY} of {MANY} begun, 0 not started");
        if line == all { Ok(()) } else { Err(line) }
    });
}

/// They have the last millisecond of the budget. A quarter of them has a thread at once, and each takes
/// longer than that.
fn many_hooks() {
    let shutdown = ShutdownSignal::listen(Blocking).unwrap();
    if variant().unwrap() == "busy" {
        system::stay_on_one_processor();
        (0..3).for_each(|_| _ = thread::spawn(|| system::spin()));
    }
    let begun = Arc::new(AtomicUsize::new(0));
    let hangs = async || {
        say("begun");
        pending::<()>().await;
    };
    let hooks = Hooks::new().budget(BUDGET).hook("hangs", hangs).then();
    let hooks = (0..MANY).fold(hooks, |hooks, number| {
        let begun = Arc::clone(&begun);
        let hook = async move || {
            begun.fetch_add(1, Ordering::SeqCst);
            thread::sleep(10 * MS);
        };
        hooks.hook(number.to_string(), hook).within(MS)
    });
    let exit_on = hooks.exit_on(shutdown).quiet().on_report(move |report| {
        let count = |is: fn(&Outcome) -> bool| {
            report.hooks()[1..].iter().filter(|hook| is(hook.outcome())).count()
        };
        let not_started = count(|outcome| matches!(outcome, Outcome::NotStarted));
        let begun = begun.load(Ordering::SeqCst);
        say(format_args!("{begun} of {MANY} begun, {not_started} not started"));
    });
    let _guard = exit_on.start().unwrap();
    say("ready");
    block();
}

/// No thread can be started until the driver runs a hook, and that is `blocks`.
fn stuck_driver(
    blocks: impl FnOnce() + Send + 'static,
    on_report: impl FnOnce(Report) + Send + 'static,
) {
    let shutdown = ShutdownSignal::manual();
    let (before, limit) = mpsc::channel();
    let hooks = Hooks::new().budget(BUDGET).hook("blocks", async move || {
        system::limit(libc::RLIMIT_AS, limit.recv().unwrap());
        blocks();
    });
    let hooks = hooks.then().hook("next", async || say("next"));
    let guard = hooks.exit_on(shutdown.clone()).quiet().on_report(on_report).start().unwrap();
    before.send(system::refuse_threads()).unwrap();
    say("requested");
    shutdown.request("enough");
    guard.join();
}
