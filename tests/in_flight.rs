//! In-flight work: counted and waited for.

#[path = "common/bounded.rs"]
mod bounded;

use std::cell::RefCell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::Duration;

use bounded::bounded;
use futures_lite::future::{block_on, poll_once};
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
fn clones_of_a_guard_are_one_piece_of_work() {
    let work = InFlight::new();
    let guard = work.enter("upgrade");
    let clones = [guard.clone(), guard.clone()];
    drop(guard);
    assert_eq!((work.count(), work.entries().len()), (1, 1));
    assert_eq!(format!("{:?}", clones[1]), r#"InFlightGuard("upgrade")"#);
    let mut drained = work.drained();
    let [first, last] = clones;
    thread::spawn(move || drop(first)).join().unwrap();
    assert!(!is_ready(&mut drained, Waker::noop()));
    drop(last);
    assert!(is_ready(&mut drained, Waker::noop()));
    assert_eq!(work.count(), 0);
}

#[test]
fn a_guard_may_outlive_the_counter() {
    let work = InFlight::new();
    let guard = work.enter("late");
    assert!(!is_ready(&mut work.drained(), Waker::noop()));
    drop(work);
    assert_eq!(format!("{:?}", guard.clone()), r#"InFlightGuard("late")"#);
    drop(guard);
}

/// More threads than there are shards.
#[test]
fn work_of_other_threads_is_seen_oldest_first() {
    let work = InFlight::new();
    let names: Vec<String> = (0..40).map(|number| format!("job {number}")).collect();
    let mut guards = Vec::new();
    for name in &names {
        let (work, name) = (work.clone(), name.clone());
        guards.push(thread::spawn(move || work.enter(name)).join().unwrap());
    }
    let seen: Vec<String> = work.entries().iter().map(|open| open.name().to_owned()).collect();
    assert_eq!((work.count(), seen), (40, names));

    let count = Arc::new(Count::default());
    let mut drained = work.drained();
    assert!(!is_ready(&mut drained, &Waker::from(Arc::clone(&count))));
    while let Some(guard) = guards.pop() {
        assert_eq!(count.0.load(Ordering::SeqCst), 0);
        thread::spawn(move || drop(guard)).join().unwrap();
    }
    assert_eq!(count.0.load(Ordering::SeqCst), 1);
    assert!(is_ready(&mut drained, Waker::noop()));
}

/// Each thread enters its work before it drops the other's, so something is always in flight.
#[test]
fn work_that_moves_between_threads_is_never_drained() {
    let work = InFlight::new();
    let [(to_first, first), (to_second, second)] = [(); 2].map(|()| mpsc::channel());
    to_first.send(work.enter("start")).unwrap();
    let threads = [(first, to_second), (second, to_first)].map(|(inbox, outbox)| {
        let work = work.clone();
        thread::spawn(move || {
            for guard in inbox.iter().take(10_000) {
                let next = work.enter("next");
                drop(guard);
                let _ = outbox.send(next); // the last one stays in the channel
            }
            inbox
        })
    });
    let mut drained = work.drained();
    while !threads.iter().all(thread::JoinHandle::is_finished) {
        assert!(!is_ready(&mut drained, Waker::noop()) && work.count() > 0);
    }
    let inboxes = threads.map(|thread| thread.join().unwrap());
    assert!(!is_ready(&mut drained, Waker::noop()));
    drop(inboxes);
    assert!(is_ready(&mut drained, Waker::noop()));
}

/// Polls once and returns whether it is ready.
fn is_ready(drained: &mut (impl Future<Output = ()> + Unpin), waker: &Waker) -> bool {
    Pin::new(drained).poll(&mut Context::from_waker(waker)).is_ready()
}

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn every_waiter_is_woken_once() {
    let work = InFlight::new();
    let [first, last] = ["first", "last"].map(|name| work.enter(name));
    let counts: [Arc<Count>; 5] = Default::default();
    let mut waiters = counts.each_ref().map(|_| work.drained());
    for (waiter, count) in waiters.iter_mut().zip(&counts) {
        assert!(!is_ready(waiter, &Waker::from(Arc::clone(count))));
    }
    let woken = || counts.each_ref().map(|count| count.0.load(Ordering::SeqCst));
    drop(first);
    assert_eq!(woken(), [0; 5]);
    drop(last);
    assert_eq!(woken(), [1; 5]);
    assert!(waiters.iter_mut().all(|waiter| is_ready(waiter, Waker::noop())));
}

#[test]
fn every_thread_that_waits_returns() {
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

/// Panics when it is woken, and when it is dropped.
struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("woken");
    }
}

impl Drop for Panics {
    fn drop(&mut self) {
        assert!(thread::panicking(), "dropped");
    }
}

/// Even if a panic drops the guard: a second panic would abort the process.
#[test]
fn a_waker_that_panics_stops_no_other() {
    bounded(|| {
        for unwinds in [false, true] {
            let work = InFlight::new();
            let guard = work.enter("job");
            let count = Arc::new(Count::default());
            let mut waiters = [work.drained(), work.drained(), work.drained()];
            assert!(!is_ready(&mut waiters[0], &Waker::from(Arc::new(Panics))));
            assert!(!is_ready(&mut waiters[1], &Waker::from(Arc::clone(&count))));
            assert!(!is_ready(&mut waiters[2], &Waker::from(Arc::new(Panics))));
            let job = move || {
                let _guard = guard;
                assert!(!unwinds, "the job failed");
            };
            let ended = catch_unwind(AssertUnwindSafe(job));
            assert_eq!(ended.is_err(), unwinds);
            assert_eq!(count.0.load(Ordering::SeqCst), 1);
            assert_eq!(work.count(), 0);
        }
    });
}

#[test]
fn work_of_many_threads() {
    let work = InFlight::new();
    let total = work.clone();
    bounded(move || {
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..10_000).for_each(|_| drop(work.enter("job"))));
                scope.spawn(|| (0..100).for_each(|_| assert!(work.drained().wait_timeout(LONG))));
            }
        });
    });
    assert_eq!(total.count(), 0);
}

/// Deadlocks if it is woken under the lock.
struct Reenters(InFlight);

impl Wake for Reenters {
    fn wake(self: Arc<Self>) {
        assert_eq!(self.0.count(), 0);
    }
}

/// Deadlocks if it is dropped under the lock.
struct ReentersOnDrop(InFlight);

impl Drop for ReentersOnDrop {
    fn drop(&mut self) {
        let _ = self.0.count();
    }
}

impl Wake for ReentersOnDrop {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn no_waker_is_woken_or_dropped_under_a_lock() {
    bounded(|| {
        let work = InFlight::new();
        let guard = work.enter("job");
        let mut drained = work.drained();
        let replaced = Waker::from(Arc::new(ReentersOnDrop(work.clone())));
        assert!(!is_ready(&mut drained, &replaced));
        drop(replaced); // the only clone is in `drained`
        assert!(!is_ready(&mut drained, &Waker::from(Arc::new(Reenters(work)))));
        drop(guard);
        assert!(is_ready(&mut drained, Waker::noop()));
    });
}

/// Waits when its thread ends.
struct WaitsAtTheEnd(InFlight);

impl Drop for WaitsAtTheEnd {
    fn drop(&mut self) {
        let _guard = self.0.enter("late");
        assert!(!self.0.drained().wait_timeout(SHORT));
    }
}

/// A panic there would abort the process.
#[test]
fn a_thread_may_wait_while_it_ends() {
    thread_local!(static LAST: RefCell<Option<WaitsAtTheEnd>> = const { RefCell::new(None) });
    let work = InFlight::new();
    let report = bounded(move || {
        LAST.set(Some(WaitsAtTheEnd(work.clone()))); // dropped after the thread-locals of the crate
        let _guard = work.enter("job");
        assert!(!work.drained().wait_timeout(SHORT));
        block_on(Hooks::new().hook("jobs", move || work.drained()).within(SHORT).run())
    });
    assert!(!report.is_clean());
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
