//! Sets of hooks under `exit_on`, with real signals.
//!
//! `SIGNOFF_CHAOS=1000 cargo test --release --features blocking --test hook_set_exit_on` starts a
//! thousand processes that get their signal while threads add and remove hooks.
#![cfg(target_os = "linux")]

mod common;
#[path = "common/hook_race.rs"]
mod hook_race;

use std::future::pending;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use std::{env, fs, thread};

use common::{BOUND, at_once, cases, say, variant};
use hook_race::{check, race};
use libc::SIGTERM;
use signoff::{Blocking, HookSet, Hooks, ShutdownSignal};

const HOOKS: usize = 10_000;
/// Of hooks at once, and a few of the test and of signoff.
const MOST_THREADS: usize = 256 + 20;
/// Of hooks that block their threads until the process exits.
const MOST_BLOCKED: usize = 1024;

cases! {
    // A signal at a random instant, while two threads add and remove hooks.
    adding_removing_and_the_signal: |case| {
        let count = env::var("SIGNOFF_CHAOS").map_or(32, |count| count.parse().expect("a number"));
        let left = AtomicUsize::new(count);
        at_once(0..4, |_| {
            while left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok() {
                let child = case.ready();
                thread::sleep(Duration::from_micros(RandomState::new().hash_one(()) % 10_000));
                child.kill(SIGTERM);
                child.expect("every hook ran, was removed, or was handed back");
                child.exits_with(0);
            }
        });
    }, || {
        let (set, shutdown) = (HookSet::new(), ShutdownSignal::listen(Blocking).unwrap());
        let threads = [0, 1].map(|_| {
            let set = set.clone();
            thread::spawn(move || race(&set))
        });
        let hooks = Hooks::new().budget(BOUND).hook("first", async || {}).then().include(&set);
        let exit_on = hooks.exit_on(shutdown.clone()).on_report(move |report| {
            let ran = threads.map(|thread| check(&thread.join().unwrap()));
            assert_eq!(ran.iter().sum::<usize>() + 1, report.hooks().len());
            assert!(report.is_clean(), "{report}");
            say("every hook ran, was removed, or was handed back");
        });
        let guard = exit_on.start().unwrap();
        say("ready");
        shutdown.wait();
        guard.join();
    };

    ten_thousand_hooks_run_on_bounded_threads: |case| {
        at_once([("end", HOOKS), ("end on a thread", HOOKS), ("hang", 0), ("block", 0)], |(variant, done)| {
            case.variant(variant).holds_once(|child| {
                child.expect("ready");
                child.kill(SIGTERM);
                let line = child.line();
                child.exits_with(i32::from(done == 0));
                let all = format!("{done} of {HOOKS} done, on bounded threads");
                if line == all { Ok(()) } else { Err(line) }
            });
        });
    }, || {
        let (set, shutdown) = (HookSet::new(), ShutdownSignal::listen(Blocking).unwrap());
        let (variant, most) = (variant().unwrap(), Arc::new(AtomicUsize::new(0)));
        (0..HOOKS).for_each(|number| add(&set, number, &variant, &most));
        let stays = !variant.starts_with("end");
        let budget = if stays { Duration::from_secs(1) } else { BOUND };
        let bound = if stays { MOST_THREADS + MOST_BLOCKED } else { MOST_THREADS };
        let hooks = Hooks::new().budget(budget).include(&set);
        let exit_on = hooks.exit_on(shutdown.clone()).quiet().on_report(move |report| {
            let all = report.hooks();
            let most = most.load(Ordering::SeqCst).max(threads());
            let done = all.iter().filter(|hook| hook.outcome().is_done()).count();
            let threads = if most <= bound { "bounded".into() } else { most.to_string() };
            say(format_args!("{done} of {} done, on {threads} threads", all.len()));
        });
        let guard = exit_on.start().unwrap();
        say("ready");
        shutdown.wait();
        guard.join();
    };
}

/// Adds a hook that looks at the number of threads.
fn add(set: &HookSet, number: usize, variant: &str, most: &Arc<AtomicUsize>) {
    let (name, most) = (number.to_string(), Arc::clone(most));
    let look = move || {
        if number % 64 == 0 {
            most.fetch_max(threads(), Ordering::SeqCst);
        }
    };
    let added = match variant {
        "end" => set.hook(name, async move || look()).ok(),
        "end on a thread" => set.blocking(name, look).ok(),
        "hang" => {
            let hang = async move || {
                look();
                pending::<()>().await;
            };
            set.hook(name, hang).ok()
        }
        _ => set
            .blocking(name, move || {
                loop {
                    look();
                    thread::sleep(BOUND);
                }
            })
            .ok(),
    };
    added.unwrap().detach();
}

/// How many threads this process has.
fn threads() -> usize {
    fs::read_dir("/proc/self/task").unwrap().count()
}
