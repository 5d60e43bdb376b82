//! Loom models: how hooks, and the threads that run them, wake the driver; how a stage takes the
//! hooks of a set.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use super::builder::Hooks;
use super::hook_set::{HookHandle, HookSet};
use super::progress::Progress;
use super::ready_queue::ReadyQueue;
use super::report::Outcome;
use super::request::Request;
use crate::loom_tests::check;
use crate::util::block_on::block_on;

/// All interleavings with up to two preemptions.
fn model(f: impl Fn() + Send + Sync + 'static) {
    check(2, f);
}

/// A driver that looks again whenever it is woken, until it is done. (It is never the thread that
/// joins: to loom an unpark looks like the end of a join.)
fn drive(
    mut is_done: impl FnMut(&ReadyQueue) -> bool + 'static,
    queue: &Arc<ReadyQueue>,
) -> thread::JoinHandle<()> {
    let queue = Arc::clone(queue);
    thread::spawn(move || {
        let driver = poll_fn(|cx| {
            queue.set_driver(cx.waker().clone());
            if is_done(&queue) { Poll::Ready(()) } else { Poll::Pending }
        });
        block_on(driver, None);
    })
}

/// Two wakes while the hook may be polled: the hook sees what was written before each of them.
#[test]
fn no_wake_is_lost_while_a_hook_is_polled() {
    model(|| {
        let (queue, writes) = (Arc::<ReadyQueue>::default(), Arc::new(AtomicUsize::new(0)));
        let (waker, writer) = (queue.waker_of(0), Arc::clone(&writes));
        let other = thread::spawn(move || {
            for _ in 0..2 {
                writer.fetch_add(1, Ordering::Relaxed);
                waker.wake_by_ref();
            }
        });
        let driver = drive(
            move |queue| {
                let is_woken = !queue.take().is_empty();
                is_woken && writes.load(Ordering::Relaxed) == 2
            },
            &queue,
        );
        other.join().unwrap();
        driver.join().unwrap();
    });
}

/// Two threads finish the two hooks of a stage; the driver finds the stage over.
#[test]
fn the_last_hook_wakes_the_driver() {
    model(|| {
        let hooks = Hooks::new().hook("one", async || {}).hook("two", async || {});
        let progress = Progress::new(hooks, Request::now());
        assert!(progress.open_stage().is_some());
        let workers = [0, 1].map(|number| {
            let progress = Arc::clone(&progress);
            thread::spawn(move || {
                assert!(progress.start(number, Instant::now(), None, None).is_some());
                progress.finish(number, Outcome::Done);
            })
        });
        let watched = Arc::clone(&progress);
        let driver = drive(move |_| watched.is_stage_over(), &progress.ready);
        workers.into_iter().for_each(|worker| worker.join().unwrap());
        driver.join().unwrap();
        assert!(progress.close().report.is_clean());
    });
}

/// One thread removes a hook and another adds one while their stage starts: each is taken, or
/// removed, or handed back.
#[test]
fn a_stage_takes_the_hooks_of_a_set_once() {
    model(|| {
        let (set, [of_removed, of_added]) = (HookSet::new(), [(); 2].map(Arc::new));
        let progress = Progress::new(Hooks::new().include(&set), Request::now());
        let owned = Arc::clone(&of_removed);
        let handle = set.hook("removed", async move || drop(owned)).unwrap();
        let remover = thread::spawn(move || drop(handle));
        let owned = Arc::clone(&of_added);
        let adder = thread::spawn(move || {
            let added = set.hook("added", async move || drop(owned));
            added.map(HookHandle::detach).is_ok()
        });
        let taken = progress.open_stage().map(|(_, hooks)| hooks).unwrap_or_default();
        remover.join().unwrap();
        let is_added = adder.join().unwrap();
        let is_taken = |name: &str| taken.iter().any(|(_, hook)| &*hook.name == name);
        assert_eq!(is_taken("added"), is_added);
        assert_eq!(Arc::strong_count(&of_added) == 2, is_added);
        assert_eq!(Arc::strong_count(&of_removed) == 2, is_taken("removed"), "dropped or taken");
        assert_eq!(progress.close().report.hooks().len(), taken.len());
    });
}

/// A set with two places runs at one of them.
#[test]
fn one_of_two_shutdowns_takes_the_hooks_of_a_set() {
    model(|| {
        let set = HookSet::new();
        set.hook("one", async || {}).unwrap().detach();
        let [one, two] = [(); 2].map(|()| {
            let progress = Progress::new(Hooks::new().include(&set), Request::now());
            thread::spawn(move || progress.open_stage().is_some())
        });
        assert!(one.join().unwrap() ^ two.join().unwrap());
    });
}
