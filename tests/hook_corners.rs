//! Hooks in rare circumstances: thousands of stages, deadlines that meet, a run that is cancelled
//! half-way, hooks that own what they are part of.
#![cfg(target_os = "linux")]

mod common;

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use common::bounded::bounded;
use common::linux::{cpu_time, is_running, process_cpu_time};
use common::{BOUND, block, cases, say, say_outcomes, until, variant};
use futures_lite::future::{block_on, poll_once};
use signoff::{HookSet, Hooks, InFlight, Report, ShutdownSignal};

const MS: Duration = Duration::from_millis(1);
/// Nothing waits for it.
const LONG: Duration = Duration::from_secs(3000);

fn run(hooks: Hooks) -> Report {
    bounded(|| block_on(hooks.run()))
}

fn outcomes(report: &Report) -> Vec<String> {
    report.hooks().iter().map(|hook| format!("{}: {}", hook.name(), hook.outcome())).collect()
}

/// The processor time of this thread, which runs all of them.
fn time_of(stages: usize) -> Duration {
    let add = |hooks: Hooks, _| hooks.hook("empty", async || {}).then();
    let hooks = (0..stages).fold(Hooks::new().budget(LONG), add);
    let before = cpu_time();
    let report = block_on(hooks.run());
    let took = cpu_time().saturating_sub(before);
    assert!(report.is_clean() && report.hooks().len() == stages);
    took
}

#[test]
fn twice_as_many_stages_take_twice_as_long() {
    // The shortest of three: what a busy machine adds is no time of the stages.
    let shortest = |stages| (0..3).map(|_| time_of(stages)).min().expect("three times");
    let (some, many) = (shortest(10_000), shortest(20_000));
    assert!(many.as_secs_f64() <= 2.5 * some.as_secs_f64(), "{some:?}, then {many:?}");
}

/// Each has the end of the stage.
#[test]
fn a_hook_that_is_done_hides_no_deadline_at_the_same_instant() {
    for names in [["done", "hangs", "blocks"], ["hangs", "blocks", "done"]] {
        let hooks = names.into_iter().fold(Hooks::new(), |hooks, name| match name {
            "done" => hooks.hook(name, async || {}),
            "hangs" => hooks.hook(name, pending::<()>),
            _ => hooks.blocking(name, || block()),
        });
        let report = run(hooks.budget(200 * MS).then().hook("next", async || {}));
        let mut shown = outcomes(&report);
        shown.sort();
        assert_eq!(shown, ["blocks: abandoned", "done: done", "hangs: timed out", "next: done"]);
    }
}

/// What waits for the deadlines sleeps until a much later one by then.
#[test]
fn an_earlier_deadline_may_come_after_a_later_one() {
    for is_blocking in [false, true] {
        let hooks = Hooks::new().budget(LONG);
        let first = async || _ = async_io::Timer::after(20 * MS).await;
        let hooks = hooks.hook("first", first).within(LONG).then();
        let hooks = if is_blocking {
            hooks.blocking("blocks", || block())
        } else {
            hooks.hook("hangs", pending::<()>)
        };
        let report = run(hooks.within(20 * MS));
        let second = if is_blocking { "blocks: abandoned" } else { "hangs: timed out" };
        assert_eq!(outcomes(&report), ["first: done", second]);
    }
}

/// 256 run at once. The others wait for a thread, and are dropped with the run.
#[test]
fn hooks_that_wait_for_a_thread_never_start_after_a_run_that_is_dropped() {
    let begun = Arc::new(AtomicUsize::new(0));
    let ends = Arc::new(Barrier::new(257));
    let hooks = (0..300).fold(Hooks::new().budget(LONG), |hooks, number| {
        let (begun, ends) = (Arc::clone(&begun), Arc::clone(&ends));
        hooks.blocking(format!("hook {number}"), move || {
            if begun.fetch_add(1, Ordering::SeqCst) < 256 {
                ends.wait();
            }
        })
    });
    let mut run = Box::pin(hooks.run());
    assert!(block_on(poll_once(&mut run)).is_none());
    until("256 have begun", || begun.load(Ordering::SeqCst) == 256);
    drop(run);
    ends.wait();
    until("every hook is gone", || Arc::strong_count(&begun) == 1);
    assert_eq!(begun.load(Ordering::SeqCst), 256);
}

/// Uses the set when it is dropped.
struct UsesItsSet(HookSet);

impl Drop for UsesItsSet {
    fn drop(&mut self) {
        drop(self.0.hook("another", async || {}).expect("the stage has not started"));
    }
}

#[test]
fn a_hook_that_is_removed_may_use_its_set() {
    bounded(|| {
        let set = HookSet::new();
        let owned = UsesItsSet(set.clone());
        let handle = set.hook("owner", async move || drop(owned)).expect("nothing has started");
        drop(handle);
        assert!(block_on(Hooks::new().include(&set).run()).hooks().is_empty());
    });
}

/// Nothing is in flight, and the wait is over at once. It is still a failure.
#[test]
fn a_panic_before_the_shutdown_fails_the_wait_for_nothing() {
    let work = InFlight::new();
    let job = work.track("job", async { panic!("a bug") });
    let ended: Result<(), _> = catch_unwind(AssertUnwindSafe(|| block_on(job)));
    assert!(ended.is_err() && work.count() == 0);
    let hooks = Hooks::new().hook("jobs", move || work.drained()).hook("works", async || {});
    let report = run(hooks);
    let [jobs, works] = &*outcomes(&report) else { panic!("{report}") };
    assert!(jobs.starts_with("jobs: failed: ") && jobs.contains("a bug"), "{jobs}");
    assert!(works == "works: done" && !report.is_clean());
}

cases! {
    // While a hook that was given up keeps its thread, nothing spins.
    a_hook_that_is_given_up_costs_no_processor_time: |case| {
        for variant in ["run", "exit_on"] {
            let child = case.variant(variant).start();
            child.expect("blocks: abandoned");
            child.expect("sleeps: done");
            if variant == "run" {
                child.passes();
            } else {
                child.exits_with(1);
            }
        }
    }, || {
        let sleeps = async || {
            let (start, used) = (Instant::now(), process_cpu_time());
            async_io::Timer::after(500 * MS).await;
            let used = process_cpu_time().saturating_sub(used);
            assert!(used < start.elapsed() / 10, "{used:?} of {:?}", start.elapsed());
        };
        let hooks = Hooks::new().budget(BOUND).blocking("blocks", || block()).within(20 * MS);
        let hooks = hooks.then().hook("sleeps", sleeps);
        if variant().unwrap() == "run" {
            return say_outcomes(&block_on(hooks.run()));
        }
        let shutdown = ShutdownSignal::manual();
        let exit_on = hooks.exit_on(shutdown.clone()).quiet().on_report(|report| say_outcomes(&report));
        let guard = exit_on.start().unwrap();
        shutdown.request("enough");
        guard.join();
    };

    // The one that wakes the driver at deadlines.
    a_run_leaves_no_thread: |case| case.start().passes(), || {
        let report = block_on(Hooks::new().hook("hangs", pending::<()>).within(20 * MS).run());
        assert_eq!(outcomes(&report), ["hangs: timed out"]);
        until("its thread has ended", || !is_running("signoff-timer"));
    };

    // Each hook may end in the moment in which the driver goes to sleep.
    the_end_of_no_stage_is_missed: |case| {
        let child = case.start();
        child.expect("20000 hooks");
        child.exits_with(0);
    }, || {
        let add = |hooks: Hooks, _| hooks.hook("empty", async || {}).then();
        let hooks = (0..20_000).fold(Hooks::new().budget(Duration::MAX), add);
        let shutdown = ShutdownSignal::manual();
        let exit_on = hooks.exit_on(shutdown.clone()).quiet();
        let exit_on = exit_on.on_report(|report| say(format_args!("{} hooks", report.hooks().len())));
        let guard = exit_on.start().unwrap();
        shutdown.request("enough");
        guard.join();
    };

    // The timer's thread sleeps when there is no deadline left.
    after_the_last_deadline_nothing_spins: |case| case.start().passes(), || {
        let sleeps = async || {
            let (start, used) = (Instant::now(), process_cpu_time());
            async_io::Timer::after(500 * MS).await;
            let used = process_cpu_time().saturating_sub(used);
            assert!(used < start.elapsed() / 4, "{used:?} of {:?}", start.elapsed());
        };
        let hooks = Hooks::new().budget(Duration::MAX).hook("hangs", pending::<()>).within(20 * MS);
        let report = block_on(hooks.hook("sleeps", sleeps).run());
        assert_eq!(outcomes(&report), ["hangs: timed out", "sleeps: done"]);
    };
}
