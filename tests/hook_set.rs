//! Hooks of a set: added and removed at run time, run once at the place of the set.

#[path = "common/bounded.rs"]
mod bounded;
#[path = "common/hook_race.rs"]
mod hook_race;

use std::cell::Cell;
use std::error::Error;
use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, RwLock, mpsc};
use std::thread;
use std::time::Duration;

use bounded::{BOUND, bounded};
use futures_lite::future::{block_on, poll_once, yield_now};
use hook_race::{check, race};
use signoff::hooks::{Event, HookHandle, StageStarted};
use signoff::{HookSet, Hooks, Report};

const SHORT: Duration = Duration::from_millis(30);

fn run(hooks: Hooks) -> Report {
    bounded(|| block_on(hooks.run()))
}

/// Stage, name and outcome of each hook.
fn words(report: &Report) -> Vec<String> {
    let hooks = report.hooks().iter();
    hooks.map(|hook| format!("{} {} {}", hook.stage(), hook.name(), hook.outcome())).collect()
}

/// What the hooks did, in order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn note(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// Notes when it is dropped.
struct Owned(Log);

impl Drop for Owned {
    fn drop(&mut self) {
        self.0.note("dropped");
    }
}

#[test]
fn hooks_run_at_the_place_of_their_set() {
    let (set, log) = (HookSet::new(), Log::default());
    let [a, b, c, d] = [(); 4].map(|()| log.clone());
    set.hook("before", async move || a.note("before")).unwrap().detach();
    let hooks = Hooks::new().hook("cache", async move || b.note("cache")).then().include(&set);
    let hooks = hooks.hook("beside", async || {}).then().hook("last", async move || c.note("last"));
    set.hook("after", async move || d.note("after")).unwrap().detach();
    let report = run(hooks);
    assert_eq!(log.all(), ["cache", "before", "after", "last"]);
    let expected =
        ["1 cache done", "2 before done", "2 after done", "2 beside done", "3 last done"];
    assert_eq!(words(&report), expected);
}

#[test]
fn every_kind_of_hook_may_be_in_a_set() {
    let set = HookSet::new();
    let hooks = Hooks::new().budget(BOUND).include(&set).hook("beside", async || {});
    let has_time = |left: Duration| if left > SHORT { Ok(()) } else { Err("no time") };
    set.hook("hook", async || Err::<(), _>("refused")).unwrap().detach();
    set.hook_with("hook_with", async move |cx| has_time(cx.time_left().unwrap())).unwrap().detach();
    set.blocking("blocking", || thread::sleep(SHORT)).unwrap().detach();
    set.blocking_with("blocking_with", move |cx| has_time(cx.time_left().unwrap()))
        .unwrap()
        .detach();
    set.blocking("panics", || -> () { panic!("a value") }).unwrap().detach();
    let expected = [
        "1 hook failed: refused",
        "1 hook_with done",
        "1 blocking done",
        "1 blocking_with done",
        "1 panics panicked: a value",
        "1 beside done",
    ];
    assert_eq!(words(&run(hooks)), expected);
}

#[test]
fn a_handle_removes_its_hook_unless_it_is_detached() {
    let (set, log) = (HookSet::new(), Log::default());
    let add = |name: &str| {
        let owned = Owned(log.clone());
        set.hook(name, async move || owned.0.note("ran")).unwrap()
    };
    let hooks = Hooks::new().include(&set);
    let (leaves, stays, kept) = (add("leaves"), add("stays"), add("kept"));
    drop(leaves);
    assert_eq!(log.all(), ["dropped"], "with everything that it owns");
    stays.detach();
    assert_eq!(words(&run(hooks)), ["1 stays done", "1 kept done"]);
    drop(kept);
    assert_eq!(log.all(), ["dropped", "ran", "dropped", "ran", "dropped"]);
}

#[test]
fn hooks_come_and_go_until_their_stage_starts() {
    let set = HookSet::new();
    let (adder, late) = (set.clone(), set.clone());
    let leaves = set.hook("leaves", async || {}).unwrap();
    let report = run(Hooks::new()
        .hook("first stage", async move || {
            drop(leaves);
            adder.hook("comes", async || {}).map(HookHandle::detach)
        })
        .then()
        .include(&set)
        .hook("late", async move || late.hook("too late", async || {}).map(drop)));
    let expected = [
        "1 first stage done",
        "2 comes done",
        "2 late failed: hook \"too late\" was not added: the stage of its set has started",
    ];
    assert_eq!(words(&report), expected);
}

#[test]
fn a_late_hook_is_handed_back() {
    fn boxed<F: Send + 'static>(late: StageStarted<F>) -> Box<dyn Error + Send + Sync> {
        late.into()
    }
    let (set, log) = (HookSet::new(), Log::default());
    assert!(run(Hooks::new().include(&set)).is_clean());
    let (owned, not_sync) = (Owned(log.clone()), Cell::new(1));
    let hook = move || {
        not_sync.set(2);
        owned.0.note("ran");
    };
    let late = set.blocking("late", hook).unwrap_err();
    assert_eq!(late.name(), "late");
    assert_eq!(log.all(), [""; 0], "not dropped");
    late.into_hook()();
    assert_eq!(log.all(), ["ran", "dropped"]);
    let text = boxed(set.hook("late", async || {}).unwrap_err()).to_string();
    assert_eq!(text, "hook \"late\" was not added: the stage of its set has started");
}

#[test]
fn a_set_runs_once_at_the_first_of_its_places() {
    let (set, ran) = (HookSet::new(), Arc::new(AtomicUsize::new(0)));
    let counter = Arc::clone(&ran);
    let hook = async move || _ = counter.fetch_add(1, Ordering::SeqCst);
    set.hook("once", hook).unwrap().detach();
    let first = Hooks::new().hook("cache", async || {}).then().include(&set).include(&set);
    let first = first.then().include(&set).then().hook("last", async || {});
    let second = Hooks::new().include(&set).hook("other", async || {});
    assert_eq!(words(&run(first)), ["1 cache done", "2 once done", "3 last done"]);
    assert_eq!(words(&run(second)), ["1 other done"]);
    assert_eq!(ran.load(Ordering::SeqCst), 1);
}

#[test]
fn a_set_that_does_not_run_keeps_its_hooks() {
    let (set, log) = (HookSet::new(), Log::default());
    let owned = Owned(log.clone());
    let handle = set.hook("kept", async move || owned.0.note("ran")).unwrap();

    drop(Hooks::new().include(&set));
    let stuck = Hooks::new().hook("stuck", pending::<()>).then().include(&set);
    assert!(block_on(poll_once(stuck.run())).is_none(), "cancelled in the first stage");
    assert_eq!(log.all(), [""; 0]);

    assert_eq!(words(&run(Hooks::new().include(&set))), ["1 kept done"]);
    assert_eq!(log.all(), ["ran", "dropped"]);
    drop(handle);
}

#[test]
fn a_cancelled_run_drops_the_hooks_of_later_stages() {
    let (log, (go, blocked)) = (Log::default(), mpsc::channel::<()>());
    let (owned, (sender, is_blocked)) = (Owned(log.clone()), mpsc::channel());
    let hooks = Hooks::new().blocking("blocks", move || {
        sender.send(()).unwrap();
        let _ = blocked.recv();
    });
    let hooks = hooks.then().hook("later", async move || owned.0.note("ran"));
    let mut run = Box::pin(hooks.run());
    assert!(block_on(poll_once(&mut run)).is_none());
    is_blocked.recv_timeout(BOUND).unwrap();
    drop(run); // in the first stage
    assert_eq!(log.all(), ["dropped"], "although a hook of the first stage still runs");
    drop(go);
}

#[test]
fn a_set_that_is_never_included_drops_its_hooks_with_its_last_clone() {
    let (set, log) = (HookSet::new(), Log::default());
    let owned = Owned(log.clone());
    let handle = set.hook("never", async move || owned.0.note("ran")).unwrap();
    drop((set.clone(), set));
    assert_eq!(log.all(), ["dropped"]);
    drop(handle);
}

#[test]
fn an_empty_set_is_no_stage() {
    let hooks = || Hooks::new().include(&HookSet::new()).then();
    assert!(run(hooks()).hooks().is_empty());
    assert_eq!(words(&run(hooks().hook("only", async || {}))), ["1 only done"]);
}

#[test]
fn the_limit_of_a_set_is_that_of_each_hook() {
    let set = HookSet::new();
    let hooks = Hooks::new().budget(BOUND).include(&set).within(SHORT).hook("free", async || {});
    set.hook("hangs", pending::<()>).unwrap().detach();
    set.hook_with("short", async |context| {
        if context.time_left().unwrap() <= SHORT { Ok(()) } else { Err("more time") }
    })
    .unwrap()
    .detach();
    assert_eq!(words(&run(hooks)), ["1 hangs timed out", "1 short done", "1 free done"]);
}

/// The time of a stage that is empty now, and has hooks later.
#[test]
fn a_stage_with_a_set_has_its_share() {
    let set = HookSet::new();
    let (sender, left) = mpsc::channel();
    let hooks = Hooks::new().budget(BOUND).hook_with("first", async move |context| {
        sender.send(context.time_left().unwrap()).unwrap();
    });
    assert!(run(hooks.then().include(&set).within(BOUND / 3)).is_clean());
    let left = left.recv().unwrap();
    assert!(left <= BOUND * 2 / 3 && left > BOUND / 2, "{left:?}");
}

#[test]
fn observers_hear_of_the_hooks_of_a_set_as_of_others() {
    let (sender, events) = mpsc::channel();
    let set = HookSet::new();
    set.hook("one", async || {}).unwrap().detach();
    set.hook("two", async || {}).unwrap().detach();
    let adder = set.clone();
    let first = async move || adder.hook("three", async || {}).map(HookHandle::detach);
    let hooks = Hooks::new().hook("first", first).then().include(&set);
    let hooks = hooks.observe(move |event: &Event| {
        let _ = sender.send(match event {
            Event::Started(started) => format!("started {}", started.hooks()),
            Event::HookStarted(hook) => format!("{} {} started", hook.stage(), hook.name()),
            Event::HookEnded(hook) => {
                format!("{} {} {}", hook.stage(), hook.name(), hook.outcome())
            }
            Event::Ended(report) => format!("ended {}", report.hooks().len()),
            _ => return,
        });
    });
    assert!(run(hooks).is_clean());
    let expected = [
        "started 3", // so far
        "1 first started",
        "1 first done",
        "2 one started",
        "2 one done",
        "2 two started",
        "2 two done",
        "2 three started",
        "2 three done",
        "ended 4",
    ];
    assert_eq!(events.iter().collect::<Vec<_>>(), expected);
}

#[test]
fn ten_thousand_hooks_are_one_row_of_the_report() {
    const HOOKS: usize = 10_000;
    let (set, ran) = (HookSet::new(), Arc::new(AtomicUsize::new(0)));
    for number in 0..HOOKS {
        let ran = Arc::clone(&ran);
        let hook = async move || {
            ran.fetch_add(1, Ordering::SeqCst);
            yield_now().await;
            if number == 77 { Err("no route") } else { Ok(()) }
        };
        set.hook(format!("client {number}"), hook).unwrap().detach();
    }
    let report = run(Hooks::new().budget(BOUND).include(&set));
    assert_eq!((ran.load(Ordering::SeqCst), report.hooks().len()), (HOOKS, HOOKS));
    assert!(report.hooks().iter().enumerate().all(|(number, hook)| {
        hook.name() == format!("client {number}") && hook.outcome().is_done() == (number != 77)
    }));
    let shown = report.to_string();
    for part in [
        "9999 of 10000 hooks done",
        "client 0 and 9999",
        "|  9999 done ",
        "| 1 failed: client 77 (no route)",
    ] {
        assert!(shown.contains(part), "{shown}");
    }
    assert!(shown.lines().count() < 6, "{shown}");
}

/// Each thread has at most so many at once.
#[test]
fn blocking_hooks_of_a_set_share_the_threads() {
    const HOOKS: usize = 2_000;
    let (set, now, most) =
        (HookSet::new(), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    for number in 0..HOOKS {
        let (now, most) = (Arc::clone(&now), Arc::clone(&most));
        let hook = move || {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            thread::yield_now();
            now.fetch_sub(1, Ordering::SeqCst);
        };
        set.blocking(number.to_string(), hook).unwrap().detach();
    }
    assert!(run(Hooks::new().budget(BOUND).include(&set)).is_clean());
    assert!(most.load(Ordering::SeqCst) <= 256, "{most:?}");
}

/// All of their threads, and all that replace those.
#[test]
fn hooks_that_block_do_not_block_the_next_stage() {
    const HOOKS: usize = 1_400;
    let (set, lock) = (HookSet::new(), Arc::new(RwLock::new(())));
    for number in 0..HOOKS {
        let lock = Arc::clone(&lock);
        set.blocking(number.to_string(), move || drop(lock.read())).unwrap().detach();
    }
    let (sender, events) = mpsc::channel();
    let hooks = Hooks::new().include(&set).within(SHORT).then().hook("next", async || {});
    let hooks = hooks.observe(move |event: &Event| {
        if let Event::HookEnded(hook) = event {
            let _ = sender.send(hook.name().to_owned());
        }
    });
    let blocks = lock.write().unwrap();
    let report = run(hooks);
    drop(blocks);
    let count = |label: &str| {
        report.hooks().iter().filter(|hook| hook.outcome().to_string() == label).count()
    };
    let (abandoned, not_started) = (count("abandoned"), count("not started"));
    assert!(abandoned >= 1_024 && not_started > 0, "{report}");
    assert_eq!((abandoned + not_started, count("done")), (HOOKS, 1));
    let ended: Vec<_> = events.iter().collect();
    assert_eq!((ended.len(), ended.last().unwrap().as_str()), (HOOKS + 1, "next"));
}

/// Threads add and remove hooks while the stage starts.
#[test]
fn a_hook_is_run_or_removed_or_handed_back() {
    for _ in 0..100 {
        let set = HookSet::new();
        let hooks = Hooks::new().budget(BOUND).include(&set);
        let threads = [0, 1].map(|_| {
            let set = set.clone();
            thread::spawn(move || race(&set))
        });
        let report = run(hooks);
        let ran = threads.map(|thread| check(&thread.join().unwrap()));
        assert!(report.is_clean(), "{report}");
        assert_eq!(ran.iter().sum::<usize>(), report.hooks().len());
    }
}
