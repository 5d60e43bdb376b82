//! What the report says about in-flight work: what remains, and which tasks panicked.

#[path = "common/bounded.rs"]
mod bounded;

use std::future::pending;
use std::thread;
use std::time::Duration;

use bounded::bounded;
use futures_lite::future::{block_on, poll_once};
use signoff::hooks::Outcome;
use signoff::{Hooks, InFlight, Report};
use signoff::{InFlightEntry, TaskPanicked};

const LONG: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(30);

fn names(report: &Report) -> Vec<Vec<&str>> {
    let mut names = Vec::new();
    for hook in report.hooks() {
        names.push(hook.in_flight().iter().map(InFlightEntry::name).collect());
    }
    names
}

#[test]
fn the_report_names_what_remains() {
    let (requests, jobs) = (InFlight::new(), InFlight::new());
    let _guards = [requests.enter("GET /a"), requests.enter("GET /b"), jobs.enter("nightly")];
    let ended = requests.enter("GET /c");
    let hooks = Hooks::new()
        .budget(LONG)
        .hook("requests", {
            let requests = requests.clone();
            move || requests.drained()
        })
        .within(SHORT)
        .blocking("jobs", move || jobs.drained().wait())
        .within(SHORT)
        .hook("nested", async move || {
            drop(ended);
            requests.drained().await;
        })
        .within(SHORT)
        .hook("hangs", pending::<()>)
        .within(SHORT);
    let report = bounded(|| block_on(hooks.run()));
    let expected: [&[&str]; 4] = [&["GET /a", "GET /b"], &["nightly"], &["GET /a", "GET /b"], &[]];
    assert_eq!(names(&report), expected, "{report}");
    assert!(report.hooks()[0].in_flight()[0].running_for() >= SHORT);
    assert!(report.to_string().contains("| in flight: nightly ("), "{report}");
}

#[test]
fn every_piece_of_work_has_its_name_in_the_report() {
    let work = InFlight::new();
    let _guards = [work.enter("GET /"), work.enter("GET /"), work.clone().enter("GET /")];
    let twice = work.clone();
    let hooks = Hooks::new()
        .hook("requests", async move || {
            let _ = poll_once(twice.drained()).await;
            twice.drained().await; // the same work, so it is not named again
        })
        .within(SHORT);
    let report = bounded(|| block_on(hooks.run()));
    assert_eq!(names(&report), [["GET /"; 3]], "{report}");
}

#[test]
fn drained_work_is_not_named() {
    let work = InFlight::new();
    let guard = work.enter("job");
    thread::spawn(move || drop(guard));
    let run = Hooks::new().hook("jobs", move || work.drained()).run();
    let report = bounded(|| block_on(run));
    assert!(report.is_clean());
    assert!(report.hooks()[0].in_flight().is_empty());
}

#[test]
fn a_task_counts_until_it_ends_or_is_dropped() {
    let work = InFlight::new();
    let task = work.track("flush", async { work.entries()[0].name().len() });
    assert_eq!((work.count(), work.entries()[0].name()), (1, "flush"));
    assert_eq!((block_on(task), work.count()), (5, 0));

    drop(work.track("never polled", async {}));
    let mut cancelled = Box::pin(work.track(format!("job {}", 1), pending::<()>()));
    assert!(block_on(poll_once(cancelled.as_mut())).is_none());
    assert_eq!(work.entries()[0].name(), "job 1");
    drop(cancelled);
    assert_eq!((work.count(), work.panicked()), (0, None));
}

/// The task still counts while its values are dropped.
#[test]
fn a_task_counts_until_its_values_are_dropped() {
    struct Counts(InFlight);
    impl Drop for Counts {
        fn drop(&mut self) {
            assert_eq!(self.0.count(), 1);
        }
    }
    let work = InFlight::new();
    let value = Counts(work.clone());
    block_on(work.track("flush", async move { assert_eq!(value.0.count(), 1) }));
    let value = Counts(work.clone());
    let mut cancelled = Box::pin(work.track("flush", async move {
        pending::<()>().await;
        drop(value);
    }));
    assert!(block_on(poll_once(cancelled.as_mut())).is_none());
    drop(cancelled);
    let value = Counts(work.clone());
    drop(work.track("never polled", async move { drop(value) }));
    assert_eq!(work.count(), 0);
}

/// Runs a task on a thread and waits until its panic has ended the thread.
fn panic_on_a_thread(work: &InFlight, name: &'static str, message: &'static str) {
    let task = work.track(name, async move { panic!("{message}") });
    let thread = thread::spawn(move || block_on(task));
    let panic = bounded(move || thread.join()).unwrap_err();
    assert_eq!(panic.downcast_ref::<String>().map(String::as_str), Some(message));
}

#[test]
fn a_panic_is_recorded_and_goes_on() {
    let work = InFlight::new();
    panic_on_a_thread(&work, "flush", "disk full");
    panic_on_a_thread(&work, "sync", "disk gone");
    let panicked = work.panicked().unwrap();
    assert_eq!((panicked.name(), panicked.message(), panicked.others()), ("flush", "disk full", 1));
    assert_eq!(panicked.to_string(), "task flush panicked: disk full (and 1 more panicked)");
    assert_eq!(work.count(), 0);
}

/// Whether the task ended before the hook began, or ends while the hook waits.
#[test]
fn a_task_that_panicked_fails_the_hook_that_waits_for_it() {
    for is_early in [true, false] {
        let work = InFlight::new();
        if is_early {
            panic_on_a_thread(&work, "flush", "disk full");
        }
        let task = work.track("flush", async { panic!("disk full") });
        let hooks = Hooks::new()
            .hook("queue", {
                let work = work.clone();
                async move || {
                    let mut drained = work.drained();
                    assert!(poll_once(&mut drained).await.is_none());
                    thread::spawn(move || block_on(task));
                    drained.await;
                }
            })
            .blocking("thread", {
                let work = work.clone();
                move || work.drained().wait()
            })
            .hook("other", async || {});
        let report = bounded(|| block_on(hooks.run()));
        let [queue, thread, other] = report.hooks() else { panic!("{report}") };
        for hook in [queue, thread] {
            let Outcome::Failed(error) = hook.outcome() else { panic!("{report}") };
            let panicked = error.downcast_ref::<TaskPanicked>().expect("a panic of a task");
            assert_eq!((panicked.name(), panicked.message()), ("flush", "disk full"));
        }
        assert!(other.outcome().is_done() && !report.is_clean(), "{report}");
        assert!(report.to_string().contains("| task flush panicked: disk full"), "{report}");
    }
}

#[test]
fn a_hook_keeps_its_own_error() {
    let work = InFlight::new();
    panic_on_a_thread(&work, "flush", "disk full");
    let hooks = Hooks::new().hook("queue", async move || {
        work.drained().await;
        Err::<(), _>("refused")
    });
    let report = bounded(|| block_on(hooks.run()));
    assert_eq!(report.hooks()[0].outcome().to_string(), "failed: refused");
}
