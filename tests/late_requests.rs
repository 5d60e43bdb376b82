//! `request_before_deadline`: a second signal while the program drains.
#![cfg(unix)]

mod common;

use std::future::Future;
use std::time::{Duration, Instant};

use common::{BOUND, Case, block, cases, say, say_outcomes};
use libc::SIGTERM;
use signoff::hooks::ExitOn;
use signoff::{Blocking, Hooks, InFlight, ShutdownSignal};

const MS: Duration = Duration::from_millis(1);

cases! {
    signals_are_requested_before_the_deadline: |case| {
        let child = case.ready();
        let start = Instant::now();
        child.kill(SIGTERM);
        child.expect("request: the deadline is near");
        assert!(start.elapsed() >= 300 * MS);
        for line in ["main: done", "database: done"] {
            child.expect(line);
        }
        child.exits_with(0);
    }, || {
        let (early, late) = (ShutdownSignal::manual(), ShutdownSignal::manual());
        let exit_on = database(2 * BOUND).exit_on(listen()) // half of it is for the program
            .request_before_deadline(&late, MS)
            .request_before_deadline(&early, BOUND * 99 / 100);
        run(exit_on, async move {
            say("ready");
            (&early).await;
            assert!(!late.is_requested());
            say(early.reason().unwrap());
        });
    };

    a_program_that_returns_in_time_is_not_cut_off: |case| {
        let child = case.ready();
        child.kill(SIGTERM);
        for line in ["not requested", "main: done", "late: done"] {
            child.expect(line);
        }
        child.exits_with(0);
    }, || {
        let (shutdown, cut) = (listen(), ShutdownSignal::manual());
        let late = cut.clone();
        // If it were not for the return, it would be requested in this hook.
        let hooks = Hooks::new().budget(BOUND).hook("late", async move || {
            assert_eq!(late.wait_timeout(300 * MS), None);
            say("not requested");
        });
        let exit_on = hooks.exit_on(shutdown.clone());
        let exit_on = exit_on.request_before_deadline(&cut, BOUND / 2 * 99 / 100);
        run(exit_on, async move {
            say("ready");
            shutdown.await;
        });
    };

    a_program_with_less_time_is_cut_off_at_once: stops_in_time, || {
        let cut = ShutdownSignal::manual();
        let exit_on = database(10 * BOUND).exit_on(listen());
        let exit_on = exit_on.request_before_deadline(&cut, Duration::MAX);
        run(exit_on, async move {
            say("ready");
            cut.await;
        });
    };

    // Without a program, a stage waits for the work, after the delays. `cut` ends it in time.
    with_start_it_is_the_deadline_of_the_work_in_flight: |case| {
        let child = case.ready();
        child.kill(SIGTERM);
        for line in ["cut", "keep serving: done", "in flight: done", "database: done"] {
            child.expect(line);
        }
        child.exits_with(0);
    }, || {
        let (work, cut) = (InFlight::new(), ShutdownSignal::manual());
        let (stream, stops) = (work.enter("GET /events"), cut.clone());
        let hooks = Hooks::new().budget(2 * BOUND).keep_serving(10 * MS).hook("database", async || {});
        let exit_on = hooks.exit_on(listen()).in_flight(&work);
        // Half of the budget is for the work, so this is a moment after the request.
        let exit_on = exit_on.request_before_deadline(&cut, BOUND * 99 / 100).quiet();
        let _guard = exit_on.on_report(|report| say_outcomes(&report)).start().unwrap();
        say("ready");
        stops.wait();
        say("cut");
        drop(stream);
        block();
    };

    with_start_work_that_never_ends_is_named: |case| {
        let child = case.ready();
        child.kill(SIGTERM);
        child.expect("keep serving: done");
        child.expect("in flight: timed out, GET /events");
        child.expect("database: done");
        child.exits_with(1);
    }, || {
        let work = InFlight::new();
        let _stream = work.enter("GET /events");
        let hooks = Hooks::new().budget(600 * MS).keep_serving(10 * MS).hook("database", async || {});
        let exit_on = hooks.exit_on(listen()).in_flight(&work).quiet().on_report(|report| {
            for hook in report.hooks() {
                let names = hook.in_flight().iter().map(|entry| format!(", {}", entry.name()));
                say(format_args!("{}: {}{}", hook.name(), hook.outcome(), names.collect::<String>()));
            }
        });
        let _guard = exit_on.start().unwrap();
        say("ready");
        block();
    };

    without_work_in_flight_it_is_the_end_of_the_budget: |case| {
        let child = case.ready();
        let start = Instant::now();
        child.kill(SIGTERM);
        child.expect("request: the deadline is near");
        assert!(start.elapsed() >= 300 * MS);
        child.expect("stream: done");
        child.exits_with(0);
    }, || {
        let cut = ShutdownSignal::manual();
        let stream = cut.clone();
        let hooks = Hooks::new().budget(BOUND).hook("stream", async move || {
            (&stream).await;
            say(stream.reason().unwrap());
        });
        let exit_on = hooks.exit_on(listen()).request_before_deadline(&cut, BOUND * 99 / 100);
        let _guard = exit_on.on_report(|report| say_outcomes(&report)).start().unwrap();
        say("ready");
        block();
    };

    without_a_deadline_there_is_no_request: stops_in_time, || {
        let (shutdown, cut) = (listen(), ShutdownSignal::manual());
        let exit_on = database(Duration::MAX).exit_on(shutdown.clone());
        let exit_on = exit_on.request_before_deadline(&cut, Duration::MAX);
        run(exit_on, async move {
            say("ready");
            shutdown.await;
            assert_eq!(cut.wait_timeout(300 * MS), None);
        });
    };

    // Neither a program nor work in flight: it is the end of the budget.
    without_a_program_the_budget_counts: |case| {
        let child = case.start();
        for line in ["request: the deadline is near", "waits: done"] {
            child.expect(line);
        }
        child.exits_with(0);
    }, || {
        let (shutdown, cut) = (ShutdownSignal::manual(), ShutdownSignal::manual());
        let waits = cut.clone();
        let hooks = Hooks::new().budget(BOUND);
        let hooks = hooks.hook("waits", async move || say(waits.requested().await));
        let exit_on = hooks.exit_on(shutdown.clone()).on_report(|report| say_outcomes(&report));
        let guard = exit_on.request_before_deadline(&cut, BOUND * 99 / 100).start().unwrap();
        shutdown.request("enough");
        guard.join();
    };

    work_that_ends_in_time_is_not_cut_off: |case| {
        let child = case.start();
        for line in ["not requested", "in flight: done", "late: done"] {
            child.expect(line);
        }
        child.exits_with(0);
    }, || {
        let (shutdown, cut) = (ShutdownSignal::manual(), ShutdownSignal::manual());
        let late = cut.clone();
        let hooks = Hooks::new().budget(BOUND).hook("late", async move || {
            assert_eq!(late.wait_timeout(300 * MS), None);
            say("not requested");
        });
        let exit_on = hooks.exit_on(shutdown.clone()).on_report(|report| say_outcomes(&report));
        let exit_on = exit_on.in_flight(&InFlight::new());
        let exit_on = exit_on.request_before_deadline(&cut, BOUND / 2 * 99 / 100);
        let guard = exit_on.start().unwrap();
        shutdown.request("enough");
        guard.join();
    };
}

fn stops_in_time(case: &Case) {
    let child = case.ready();
    child.kill(SIGTERM);
    for line in ["main: done", "database: done"] {
        child.expect(line);
    }
    child.exits_with(0);
}

fn listen() -> ShutdownSignal {
    ShutdownSignal::listen(Blocking).unwrap()
}

fn database(budget: Duration) -> Hooks {
    Hooks::new().budget(budget).hook("database", async || {})
}

fn run(exit_on: ExitOn, program: impl Future<Output = ()>) {
    let exit_on = exit_on.on_report(|report| say_outcomes(&report));
    _ = futures_lite::future::block_on(exit_on.run(program));
}
