//! Loom models: how threads that run hooks wake the driver; how a stage takes the hooks of a set.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use loom::thread;

use super::state::Engine;
use crate::hooks::builder::Hooks;
use crate::hooks::hook_set::{HookHandle, HookSet};
use crate::hooks::report::Outcome;
use crate::models::check;
use crate::util::block_on::block_on;

/// All interleavings with up to two preemptions.
fn model(f: impl Fn() + Send + Sync + 'static) {
    check(2, f);
}

/// Two threads end the two hooks of a stage; the driver finds the stage over. (It is not the thread that
/// joins: to loom an unpark looks like the end of a join.)
#[test]
fn the_last_hook_wakes_the_driver() {
    model(|| {
        // Without deadlines: loom loses an unpark of a thread that waits for a lock.
        let hooks = Hooks::new().budget(Duration::MAX);
        let hooks = hooks.hook("one", async || {}).hook("two", async || {});
        let engine = Engine::now(hooks);
        let (time, hooks) = engine.open_stage().unwrap();
        let workers = hooks.into_iter().map(|(number, hook)| {
            let engine = Arc::clone(&engine);
            thread::spawn(move || {
                assert!(engine.start_hook(number, &hook, &time, false).is_some());
                engine.end_hook(number, Outcome::Done);
            })
        });
        let workers: Vec<_> = workers.collect();
        let watched = Arc::clone(&engine);
        let driver = thread::spawn(move || {
            let is_over = poll_fn(|cx| {
                watched.set_driver(cx.waker().clone());
                if watched.is_stage_over() { Poll::Ready(()) } else { Poll::Pending }
            });
            block_on(is_over, None);
        });
        workers.into_iter().for_each(|worker| worker.join().unwrap());
        driver.join().unwrap();
        assert!(engine.close().0.is_clean());
    });
}

/// One thread removes a hook and another adds one while their stage starts: each is taken, or
/// removed, or handed back.
#[test]
fn a_stage_takes_the_hooks_of_a_set_once() {
    model(|| {
        let (set, [of_removed, of_added]) = (HookSet::new(), [(); 2].map(Arc::new));
        let engine = Engine::now(Hooks::new().include(&set));
        let owned = Arc::clone(&of_removed);
        let handle = set.hook("removed", async move || drop(owned)).unwrap();
        let remover = thread::spawn(move || drop(handle));
        let owned = Arc::clone(&of_added);
        let adder = thread::spawn(move || {
            let added = set.hook("added", async move || drop(owned));
            added.map(HookHandle::detach).is_ok()
        });
        let taken = engine.open_stage().map(|(_, hooks)| hooks).unwrap_or_default();
        remover.join().unwrap();
        let is_added = adder.join().unwrap();
        let is_taken = |name: &str| taken.iter().any(|(_, hook)| &*hook.name == name);
        assert_eq!(is_taken("added"), is_added);
        assert_eq!(Arc::strong_count(&of_added) == 2, is_added);
        assert_eq!(Arc::strong_count(&of_removed) == 2, is_taken("removed"), "dropped or taken");
        assert_eq!(engine.close().0.hooks().len(), taken.len());
    });
}

/// A set with two places runs at one of them.
#[test]
fn one_of_two_shutdowns_takes_the_hooks_of_a_set() {
    model(|| {
        let set = HookSet::new();
        set.hook("one", async || {}).unwrap().detach();
        let [one, two] = [(); 2].map(|()| {
            let engine = Engine::now(Hooks::new().include(&set));
            thread::spawn(move || engine.open_stage().is_some())
        });
        assert!(one.join().unwrap() ^ two.join().unwrap());
    });
}
