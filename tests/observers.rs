//! What observers hear of a shutdown, and that they cannot delay it.
#![cfg(unix)]

mod common;

use std::future::pending;
use std::io;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use common::bounded::bounded;
use common::{BOUND, block, cases, say, variant};
use futures_lite::future::block_on;
use signoff::hooks::{Event, Observer};
use signoff::{Hooks, InFlight, Report, ShutdownSignal};

const SHORT: Duration = Duration::from_millis(30);

/// An observer that passes on what it hears.
fn recorder() -> (impl FnMut(&Event) + Send + 'static, Receiver<Event>) {
    let (sender, events) = mpsc::channel();
    let record = move |event: &Event| _ = sender.send(event.clone());
    (record, events)
}

/// Each event in a few words, without times.
fn words(event: &Event) -> String {
    match event {
        Event::Started(started) => format!("started {}", started.hooks()),
        Event::HookStarted(hook) => format!("{} {} started", hook.stage(), hook.name()),
        Event::HookEnded(hook) => format!("{} {} {}", hook.stage(), hook.name(), hook.outcome()),
        Event::Running(running) => format!("{} running", running.hooks().len()),
        Event::Ended(report) => format!("ended, clean: {}", report.is_clean()),
        _ => "?".into(),
    }
}

/// All events of a shutdown, once its observers are gone.
fn all(events: &Receiver<Event>) -> Vec<String> {
    let next = || match events.recv_timeout(BOUND) {
        Ok(event) => Some(event),
        Err(mpsc::RecvTimeoutError::Disconnected) => None,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("an observer is left behind"),
    };
    let events = std::iter::from_fn(next).filter(|event| !matches!(event, Event::Running(_)));
    events.map(|event| words(&event)).collect()
}

fn two_stages() -> Hooks {
    Hooks::new()
        .hook("cache", async || {})
        .then()
        .hook("queue", async || Err::<(), _>(io::Error::other("refused")))
}

const OF_TWO_STAGES: [&str; 6] = [
    "started 2",
    "1 cache started",
    "1 cache done",
    "2 queue started",
    "2 queue failed: refused",
    "ended, clean: false",
];

fn run(hooks: Hooks) -> Report {
    bounded(|| block_on(hooks.run()))
}

#[test]
fn every_observer_receives_every_event_in_order() {
    let (one, first) = recorder();
    let (two, second) = recorder();
    let shutdown = ShutdownSignal::manual();
    shutdown.request("enough");
    let hooks = two_stages().observe(one).observe(two);
    let _ = bounded(|| block_on(hooks.run_on(shutdown)));

    let Ok(Event::Started(started)) = first.recv_timeout(BOUND) else { panic!("not first") };
    assert_eq!(started.reason().map(ToString::to_string).as_deref(), Some("request: enough"));
    assert_eq!(started.budget(), Duration::from_secs(8));
    assert!(started.time_left().is_some_and(|left| left <= started.budget()));
    assert_eq!(all(&first), OF_TWO_STAGES[1..]);
    assert_eq!(all(&second), OF_TWO_STAGES);
}

#[test]
fn hooks_that_are_given_up_have_ended_too() {
    let (record, events) = recorder();
    let hooks = Hooks::new().hook("hangs", pending::<()>).within(SHORT).then();
    let hooks = hooks.blocking("blocks", || block()).within(SHORT);
    let _ = run(hooks.observe(record));
    let expected = [
        "started 2",
        "1 hangs started",
        "1 hangs timed out",
        "2 blocks started",
        "2 blocks abandoned",
        "ended, clean: false",
    ];
    assert_eq!(all(&events), expected);
}

/// The hook ends after the second of these events, and not before.
#[test]
fn once_a_second_they_receive_what_runs_and_what_it_waits_for() {
    let work = InFlight::new();
    let guard = work.enter("GET /report");
    let (record, events) = recorder();
    let hooks = Hooks::new()
        .budget(4 * BOUND)
        .hook("requests", move || work.drained())
        .within(2 * BOUND)
        .observe(record);
    let report = thread::spawn(|| run(hooks));

    let running = || loop {
        match events.recv_timeout(BOUND).expect("an event") {
            Event::Running(running) => break running,
            Event::Ended(_) => panic!("the hook has ended"),
            _ => {}
        }
    };
    let (first, second) = (running(), running());
    drop(guard);
    assert!(report.join().unwrap().is_clean());

    let [hook] = second.hooks() else { panic!("{second}") };
    assert_eq!((hook.name(), hook.stage()), ("requests", 1));
    assert_eq!(hook.limit(), Some(2 * BOUND));
    assert!(hook.running_for() >= first.hooks()[0].running_for() + Duration::from_millis(900));
    assert!(hook.time_left().unwrap() + hook.running_for() <= 2 * BOUND);
    assert!(second.time_left().unwrap() > 2 * BOUND);
    assert_eq!(hook.in_flight()[0].name(), "GET /report");
    let line = second.to_string();
    assert!(line.starts_with("waiting for requests ("), "{line}");
    assert!(line.contains(" of 1m 00s; in flight: GET /report ("), "{line}");
    assert!(line.ends_with(" s))"), "{line}");
}

#[test]
fn a_limit_that_no_clock_reaches_is_none() {
    let (record, events) = recorder();
    let _ = run(Hooks::new().budget(Duration::MAX).hook("cache", async || {}).observe(record));
    let Ok(Event::Started(started)) = events.recv_timeout(BOUND) else { panic!("not first") };
    let Ok(Event::HookStarted(hook)) = events.recv_timeout(BOUND) else { panic!("not second") };
    assert_eq!((started.time_left(), hook.limit(), hook.time_left()), (None, None, None));
}

/// An observer that never returns, and one that panics at each event.
struct Blocks;
struct Panics(Sender<Event>);

impl Observer for Blocks {
    fn on_event(&mut self, _: &Event) {
        block()
    }
}

impl Observer for Panics {
    fn on_event(&mut self, event: &Event) {
        let _ = self.0.send(event.clone());
        std::panic::resume_unwind(Box::new("no terminal")); // without a message on standard error
    }
}

#[test]
fn an_observer_that_blocks_or_panics_is_skipped() {
    let (panics, heard) = mpsc::channel();
    let (record, events) = recorder();
    let hooks = two_stages().observe(Blocks).observe(Panics(panics)).observe(record);
    let report = run(hooks);
    assert!(report.took() < BOUND / 2, "{report}");
    assert_eq!(all(&events), OF_TWO_STAGES);
    assert_eq!(all(&heard), OF_TWO_STAGES, "it only misses the events at which it panics");
}

/// What an observer has buffered is written before `run` returns.
#[test]
fn an_observer_is_dropped_at_the_end() {
    struct Flushes(Sender<&'static str>);
    impl Observer for Flushes {
        fn on_event(&mut self, _: &Event) {}
    }
    impl Drop for Flushes {
        fn drop(&mut self) {
            let _ = self.0.send("flushed");
        }
    }
    let (sender, flushed) = mpsc::channel();
    let _ = run(two_stages().observe(Flushes(sender)));
    assert_eq!(flushed.recv_timeout(BOUND), Ok("flushed"));
}

cases! {
    // The budget is far longer than the test waits, and the observer never returns.
    the_process_exits_although_an_observer_blocks: |case| {
        for variant in ["blocks", "blocks at the end", "panics"] {
            let child = case.variant(variant).start();
            child.expect("hook");
            child.expect("report");
            child.exits_with(0);
        }
    }, || {
        let (panics, _) = mpsc::channel();
        let hooks = Hooks::new().budget(100 * BOUND).hook("cache", async || say("hook"));
        let hooks = match variant().unwrap().as_str() {
            "blocks" => hooks.observe(Blocks),
            "blocks at the end" => hooks.observe(|event: &Event| {
                if matches!(event, Event::Ended(_)) {
                    block()
                }
            }),
            _ => hooks.observe(Panics(panics)),
        };
        let shutdown = ShutdownSignal::manual();
        shutdown.request("enough");
        let exit_on = hooks.exit_on(shutdown).on_report(|_| say("report"));
        exit_on.start().unwrap().join();
    };

    #[cfg(target_os = "linux")]
    without_observers_there_are_no_threads_for_them: |case| case.start().passes(), || {
        let during = |hooks: Hooks, look: fn()| {
            assert!(block_on(hooks.blocking("look", look).run()).is_clean());
        };
        during(Hooks::new(), || {
            thread::sleep(SHORT); // a thread names itself when it starts
            assert_eq!(observer_threads(), 0);
        });
        let hooks = Hooks::new().observe(|_: &Event| {}).observe(|_: &Event| {});
        during(hooks, || common::until("one for each", || observer_threads() == 2));
        common::until("they have ended", || observer_threads() == 0);
    };

    // But not for long: an observer that takes longer than a fifth of a second is cut off.
    the_process_waits_for_its_observers: |case| case.holds_once(|child| {
        let ended = child.ends();
        if ended.unread.iter().any(|line| line == "observed") { Ok(()) } else { Err(format!("{ended:?}")) }
    }), || {
        let hooks = Hooks::new().observe(|event: &Event| {
            if matches!(event, Event::Ended(_)) {
                thread::sleep(SHORT);
                say("observed");
            }
        });
        let shutdown = ShutdownSignal::manual();
        shutdown.request("enough");
        hooks.exit_on(shutdown).start().unwrap().join();
    };
}

#[cfg(target_os = "linux")]
fn observer_threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")));
    names.filter(|name| name.as_ref().is_ok_and(|name| name.starts_with("signoff-observ"))).count()
}

/// Counts `Running`, which comes this often.
struct Every(Duration, Sender<()>);

impl Observer for Every {
    fn on_event(&mut self, event: &Event) {
        if matches!(event, Event::Running(_)) {
            let _ = self.1.send(());
        }
    }

    fn interval(&self) -> Duration {
        self.0
    }
}

#[test]
fn an_observer_sets_its_interval() {
    let (never, none) = mpsc::channel();
    let (often, many) = mpsc::channel();
    // Once a second, this would take longer than the bound.
    let enough = move || many.iter().take(100).for_each(drop);
    let hooks = Hooks::new().budget(2 * BOUND).blocking("waits", enough);
    let hooks = hooks.observe(Every(Duration::MAX, never)).observe(Every(Duration::ZERO, often));
    assert!(run(hooks).is_clean());
    assert_eq!(none.iter().count(), 0);
}
