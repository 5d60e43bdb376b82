//! Work in flight: counted, waited for, and named when it does not end.

#[path = "common/bounded.rs"]
mod bounded;

use std::cell::RefCell;
use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use bounded::bounded;
use futures_lite::future::{block_on, poll_once};
use signoff::hooks::InFlightEntry;
use signoff::{Hooks, InFlight};

const LONG: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(30);

#[test]
fn counts_what_is_open() {
    let work = InFlight::new();
    assert_eq!(work.count(), 0);
    let first = work.enter("first");
    let second = work.clone().enter(format!("second of {}", 2));
    let names: Vec<_> = work.entries().iter().map(|open| open.name().to_owned()).collect();
    assert_eq!((work.count(), names), (2, vec!["first".into(), "second of 2".into()]));
    assert_eq!(format!("{first:?}"), r#"InFlightGuard("first")"#);
    drop(first);
    assert_eq!(work.entries()[0].name(), "second of 2");
    drop(second);
    assert!(work.entries().is_empty());
}

#[test]
fn drained_is_ready_when_nothing_is_open() {
    bounded(|| {
        let work = InFlight::new();
        block_on(work.drained());
        work.drained().wait();
        let guard = work.enter("job");
        assert!(!work.drained().wait_timeout(SHORT));
        drop(guard);
        assert!(work.drained().wait_timeout(Duration::ZERO));
    });
}

#[test]
fn everybody_who_waits_is_woken() {
    let work = InFlight::new();
    let guards = ["one", "two"].map(|name| work.enter(name));
    let threads: Vec<_> = (0..4)
        .map(|number| (work.drained(), number))
        .map(|(drained, number)| {
            thread::spawn(move || if number % 2 == 0 { drained.wait() } else { block_on(drained) })
        })
        .collect();
    drop(guards);
    bounded(|| threads.into_iter().for_each(|thread| thread.join().unwrap()));
}

#[test]
fn work_of_many_threads() {
    let work = InFlight::new();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..10_000).for_each(|_| drop(work.enter("job"))));
            scope.spawn(|| (0..100).for_each(|_| assert!(work.drained().wait_timeout(LONG))));
        }
    });
    assert_eq!(work.count(), 0);
}

/// Whoever wakes it while holding a lock finds that lock taken.
struct Reenters(InFlight);

impl Wake for Reenters {
    fn wake(self: Arc<Self>) {
        assert_eq!(self.0.count(), 0);
    }
}

#[test]
fn nobody_is_woken_or_dropped_under_a_lock() {
    struct Counts(InFlight);
    impl Drop for Counts {
        fn drop(&mut self) {
            let _ = self.0.count();
        }
    }
    impl Wake for Counts {
        fn wake(self: Arc<Self>) {}
    }
    let work = InFlight::new();
    let guard = work.enter("job");
    let mut drained = Box::pin(work.drained());
    for waker in
        [Waker::from(Arc::new(Counts(work.clone()))), Waker::from(Arc::new(Reenters(work)))]
    {
        assert_eq!(drained.as_mut().poll(&mut Context::from_waker(&waker)), Poll::Pending);
    }
    drop(guard);
    assert_eq!(drained.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(()));
}

/// Waits when the thread that it belongs to ends.
struct WaitsAtTheEnd(InFlight);

impl Drop for WaitsAtTheEnd {
    fn drop(&mut self) {
        let _guard = self.0.enter("late");
        assert!(!self.0.drained().wait_timeout(SHORT));
    }
}

/// A panic in there would end the process.
#[test]
fn a_thread_may_wait_while_it_ends() {
    thread_local!(static LAST: RefCell<Option<WaitsAtTheEnd>> = const { RefCell::new(None) });
    let work = InFlight::new();
    let ends = thread::spawn(move || {
        LAST.set(Some(WaitsAtTheEnd(work.clone()))); // dropped after what the crate keeps here
        let _guard = work.enter("job");
        assert!(!work.drained().wait_timeout(SHORT));
        block_on(Hooks::new().hook("jobs", move || work.drained()).within(SHORT).run())
    });
    assert!(!bounded(|| ends.join().unwrap()).is_clean());
}

#[test]
fn a_future_that_is_dropped_leaves_nothing_behind() {
    let work = InFlight::new();
    let _guard = work.enter("job");
    let waker = Arc::new(Reenters(InFlight::new()));
    let mut drained = Box::pin(work.drained());
    let _ = drained.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::clone(&waker))));
    assert_eq!(Arc::strong_count(&waker), 2);
    drop(drained);
    assert_eq!(Arc::strong_count(&waker), 1);
    assert!(block_on(poll_once(work.drained())).is_none());
}

#[test]
fn the_report_names_what_is_still_open() {
    let (requests, jobs) = (InFlight::new(), InFlight::new());
    let _guards = [requests.enter("GET /a"), requests.enter("GET /b"), jobs.enter("nightly")];
    let ended = requests.enter("GET /c");
    let report = block_on(
        Hooks::new()
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
            .hook("hangs", std::future::pending::<()>)
            .within(SHORT)
            .run(),
    );
    let names: Vec<Vec<_>> = report
        .hooks()
        .iter()
        .map(|hook| hook.in_flight().iter().map(InFlightEntry::name).collect())
        .collect();
    let expected: [&[&str]; 4] = [&["GET /a", "GET /b"], &["nightly"], &["GET /a", "GET /b"], &[]];
    assert_eq!(names, expected, "{report}");
    assert!(report.hooks()[0].in_flight()[0].running_for() >= SHORT);
    assert!(report.to_string().contains("| still open: nightly ("), "{report}");
}

#[test]
fn what_was_drained_is_not_named() {
    let work = InFlight::new();
    let guard = work.enter("job");
    thread::spawn(move || drop(guard));
    let run = Hooks::new().hook("jobs", move || work.drained()).run();
    let report = bounded(|| block_on(run));
    assert!(report.is_clean());
    assert!(report.hooks()[0].in_flight().is_empty());
}
