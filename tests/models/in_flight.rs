//! Loom models: threads that end work in different shards, and threads that wait for all of it.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use super::{InFlight, InFlightGuard};
use crate::models::check;

/// All interleavings with up to three preemptions.
fn model(f: impl Fn() + Send + Sync + 'static) {
    check(3, f);
}

/// A thread that waits. (It is never the one that joins: to loom an unpark looks like the end of
/// a join.)
fn waits(work: &InFlight) -> thread::JoinHandle<()> {
    let drained = work.drained();
    thread::spawn(|| drained.wait())
}

/// A thread that enters work of its own while it keeps `guard`: in two shards, if `guard` came from
/// another thread.
fn goes_on(work: &InFlight, guard: InFlightGuard) -> thread::JoinHandle<()> {
    let work = work.clone();
    thread::spawn(move || {
        let next = work.enter("next");
        drop(guard);
        drop(next);
    })
}

#[test]
fn the_last_of_two_shards_wakes_the_waiter() {
    model(|| {
        let work = InFlight::new();
        let guard = work.enter("first");
        let waiting = waits(&work);
        let ends = goes_on(&work, guard);
        ends.join().unwrap();
        waiting.join().unwrap();
        assert_eq!(work.count(), 0);
    });
}

#[test]
fn two_threads_that_end_at_once_wake_the_waiter() {
    model(|| {
        let work = InFlight::new();
        let (other, here) = (work.enter("other"), work.enter("here"));
        let waiting = waits(&work);
        let ends = goes_on(&work, other);
        drop(here);
        ends.join().unwrap();
        waiting.join().unwrap();
    });
}

/// It goes on in the first shard, which a look at one shard after the other would have passed.
#[test]
fn work_that_goes_on_in_another_shard_is_not_missed() {
    model(|| {
        let work = InFlight::new();
        drop(work.enter("in the first shard"));
        let second = work.clone();
        let guard = thread::spawn(move || second.enter("in the second shard")).join().unwrap();
        let (first, ended) = (work.clone(), Arc::new(AtomicUsize::new(0)));
        let ends = thread::spawn({
            let ended = Arc::clone(&ended);
            move || {
                let next = first.enter("in the first shard");
                drop(guard);
                ended.store(1, Ordering::Relaxed); // the locks order it
                drop(next);
            }
        });
        let mut drained = pin!(work.drained());
        if drained.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
            assert_eq!(ended.load(Ordering::Relaxed), 1);
        }
        ends.join().unwrap();
    });
}

#[test]
fn the_last_of_two_clones_ends_the_work() {
    model(|| {
        let (work, ended) = (InFlight::new(), Arc::new(AtomicUsize::new(0)));
        let guard = work.enter("upgraded");
        let (clone, one, both) = (guard.clone(), Arc::clone(&ended), Arc::clone(&ended));
        let drained = work.drained();
        let waiting = thread::spawn(move || {
            drained.wait();
            assert_eq!(both.load(Ordering::Relaxed), 2);
        });
        let ends = thread::spawn(move || {
            one.fetch_add(1, Ordering::Relaxed); // the locks order it
            drop(clone);
        });
        ended.fetch_add(1, Ordering::Relaxed);
        drop(guard);
        ends.join().unwrap();
        waiting.join().unwrap();
    });
}

#[test]
fn a_waiter_that_is_dropped_takes_no_wake_up_with_it() {
    model(|| {
        let work = InFlight::new();
        let guard = work.enter("job");
        let mut dropped = Box::pin(work.drained());
        assert!(dropped.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        let waiting = waits(&work);
        let ends = goes_on(&work, guard);
        drop(dropped);
        ends.join().unwrap();
        waiting.join().unwrap();
    });
}
