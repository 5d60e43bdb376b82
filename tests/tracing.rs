//! What a subscriber hears of a shutdown.
#![cfg(unix)]

mod common;

use std::future::pending;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use common::bounded::bounded;
use common::{block, cases, say};
use signoff::{Hooks, InFlight, Report, ShutdownSignal};
use tracing::span::{Attributes, Id};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

const TARGET: &str = "signoff:";
const SHORT: Duration = Duration::from_millis(30);

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// What a subscriber writes of these hooks, with every time as `T`.
fn told(hooks: Hooks, shutdown: Option<ShutdownSignal>) -> Vec<String> {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(lines.clone())
        .with_ansi(false)
        .without_time()
        .finish();
    bounded(|| {
        tracing::subscriber::with_default(subscriber, || {
            let run = async {
                match shutdown {
                    Some(shutdown) => hooks.run_on(shutdown).await,
                    None => hooks.run().await,
                }
            };
            let _ = futures_lite::future::block_on(run);
        });
    });
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    text.lines().map(|line| timeless(line.trim())).collect()
}

fn timeless(line: &str) -> String {
    let mut parts = line.split("took_ms=");
    let first = parts.next().unwrap_or_default().to_owned();
    let rest = parts.map(|part| format!("took_ms=T{}", part.trim_start_matches(char::is_numeric)));
    let line = first + &rest.collect::<String>();
    match line.split_once(" (") {
        Some((before, after)) if line.contains("in_flight") => {
            let (_, after) = after.split_once(')').unwrap();
            format!("{before} (T){after}")
        }
        _ => line,
    }
}

#[test]
fn a_span_for_the_shutdown_and_an_event_for_each_hook() {
    let shutdown = ShutdownSignal::manual();
    shutdown.request("enough");
    let hooks = Hooks::new()
        .hook("cache", async || tracing::warn!("from inside"))
        .then()
        .hook("queue", async || Err::<(), _>(io::Error::other("refused")));
    let span = r#"shutdown{reason="request: enough"}: "#;
    assert_eq!(
        told(hooks, Some(shutdown)),
        [
            format!("INFO {span}{TARGET} shutdown started hooks=2 budget_ms=8000"),
            format!(r#"INFO {span}{TARGET} hook started hook="cache" stage=1"#),
            format!("WARN {span}tracing: from inside"),
            format!(
                r#"INFO {span}{TARGET} hook ended hook="cache" stage=1 outcome="done" took_ms=T"#
            ),
            format!(r#"INFO {span}{TARGET} hook started hook="queue" stage=2"#),
            format!(
                r#"WARN {span}{TARGET} hook ended hook="queue" stage=2 outcome="failed" took_ms=T error="refused""#
            ),
            format!("INFO {span}{TARGET} shutdown ended clean=false took_ms=T"),
        ]
    );
}

#[test]
fn what_is_open_at_the_limit_is_named() {
    let work = InFlight::new();
    let _guard = work.enter("GET /report");
    let hooks = Hooks::new()
        .hook("requests", move || work.drained())
        .within(SHORT)
        .then()
        .hook("hangs", pending::<()>)
        .within(SHORT)
        .then()
        .blocking("blocks", || thread::sleep(Duration::from_secs(30)))
        .within(SHORT);
    let lines = [
        ("INFO", "shutdown started hooks=3 budget_ms=8000"),
        ("INFO", r#"hook started hook="requests" stage=1"#),
        (
            "WARN",
            r#"hook ended hook="requests" stage=1 outcome="timed out" took_ms=T in_flight="GET /report (T)""#,
        ),
        ("INFO", r#"hook started hook="hangs" stage=2"#),
        ("WARN", r#"hook ended hook="hangs" stage=2 outcome="timed out" took_ms=T"#),
        ("WARN", r#"hook ended hook="blocks" stage=3 outcome="abandoned" took_ms=T"#),
        ("INFO", "shutdown ended clean=false took_ms=T"),
    ];
    let lines = lines.map(|(level, line)| format!("{level} shutdown: {TARGET} {line}"));
    let mut told = told(hooks, None);
    // The thread of the hook has no subscriber here. Another one may be first to tell of its start.
    told.retain(|line| !line.contains(r#"hook started hook="blocks""#));
    assert_eq!(told, lines);
}

/// Collects the targets of spans and events.
struct Targets(mpsc::Sender<&'static str>);

impl<S: Subscriber> Layer<S> for Targets {
    fn on_new_span(&self, span: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        let _ = self.0.send(span.metadata().target());
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let _ = self.0.send(event.metadata().target());
    }
}

#[test]
fn every_target_is_the_name_of_the_crate() {
    let (sender, targets) = mpsc::channel();
    let hooks = Hooks::new().hook("cache", async || {}).hook("queue", async || Err::<(), _>("no"));
    let subscriber = tracing_subscriber::registry().with(Targets(sender));
    let _ = bounded(|| tracing::subscriber::with_default(subscriber, || hooks.run_blocking()));
    // A span; a start, two hooks and an end.
    assert_eq!(targets.iter().collect::<Vec<_>>(), ["signoff"; 1 + 6]);
}

/// A subscriber that says what it hears, and hangs where it is told to.
#[derive(Clone)]
struct Says {
    hangs_at: &'static str,
}

impl Write for Says {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let line = String::from_utf8_lossy(bytes);
        while line.contains(self.hangs_at) {
            thread::park();
        }
        let words = ["shutdown started", "hook started", "hook ended", "shutdown ended"];
        let heard = words.into_iter().find(|word| line.contains(word)).unwrap_or("?");
        let hook = line.split("hook=").nth(1).and_then(|rest| rest.split('"').nth(1));
        say(format_args!("{heard} {}", hook.unwrap_or_default()).to_string().trim());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

static IS_REPORTED: AtomicBool = AtomicBool::new(false);

/// Blocks at the beginning of the shutdown until there is a report.
struct WaitsForReport;

impl Write for WaitsForReport {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if String::from_utf8_lossy(bytes).contains("shutdown started") {
            common::until("reported", || IS_REPORTED.load(Ordering::SeqCst));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// As they do where standard error is closed.
#[derive(Clone, Copy)]
struct Panics;

impl Write for Panics {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        panic!("nobody listens")
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Hooks of two stages, which all have to run.
fn four(hook: fn()) -> Hooks {
    let two =
        |hooks: Hooks| hooks.hook("one", async move || hook()).hook("two", async move || hook());
    two(two(Hooks::new()).then())
}

fn says(hangs_at: &'static str) {
    let says = move || Says { hangs_at };
    tracing_subscriber::fmt().with_writer(says).with_ansi(false).without_time().init();
}

cases! {
    hooks_left_behind_by_exit_on_are_told: |case| {
        let child = case.start();
        for line in [
            "shutdown started",
            "hook started before it",
            "hook ended before it",
            "hook started blocks",
            "hook ended blocks",
            "shutdown ended",
        ] {
            child.expect(line);
        }
        child.exits_with(1);
    }, || {
        says("nowhere");
        let shutdown = ShutdownSignal::manual();
        let hooks = Hooks::new().budget(5 * SHORT).hook("before it", async || {}).then();
        let hooks = hooks.hook("blocks", async || if true { block() });
        let guard = hooks.exit_on(shutdown.clone()).start().unwrap();
        shutdown.request("enough");
        guard.join();
    };

    a_subscriber_that_hangs_does_not_stop_the_end: |case| {
        for variant in ["shutdown started", "hook started", "hook ended", "shutdown ended"] {
            case.variant(variant).start().exits_with(1);
        }
    }, || {
        says(common::variant().unwrap().leak());
        let shutdown = ShutdownSignal::manual();
        let hooks = Hooks::new().budget(5 * SHORT).hook("cache", async || {}).then();
        let hooks = hooks.hook("blocks", async || if true { block() });
        let guard = hooks.exit_on(shutdown.clone()).start().unwrap();
        shutdown.request("enough");
        guard.join();
    };

    // The subscriber blocks the thread of the hook.
    hooks_do_not_start_after_the_report: |case| {
        let child = case.start();
        match child.line().as_str() {
            "hook" => child.expect("cache: done"), // the subscriber has held up another thread
            line => assert_eq!(line, "cache: abandoned"),
        }
        let ended = child.ends();
        assert!(ended.unread.is_empty(), "{ended:?}");
    }, || {
        tracing_subscriber::fmt().with_writer(|| WaitsForReport).init();
        let shutdown = ShutdownSignal::manual();
        let hooks = Hooks::new().budget(5 * SHORT).hook("cache", async || say("hook"));
        let report = |report: Report| {
            common::say_outcomes(&report);
            IS_REPORTED.store(true, Ordering::SeqCst);
            thread::sleep(10 * SHORT); // the process exits then, and a stage would have the time
        };
        let guard = hooks.exit_on(shutdown.clone()).on_report(report).start().unwrap();
        shutdown.request("enough");
        guard.join();
    };

    a_subscriber_that_panics_does_not_stop_the_hooks: |case| {
        for variant in ["run", "exit_on"] {
            let child = case.variant(variant).start();
            (0..4).for_each(|_| child.expect("hook"));
            child.expect("4 of 4 hooks done");
            child.exits_with(0);
        }
    }, || {
        std::panic::set_hook(Box::new(|_| ()));
        let subscriber = tracing_subscriber::fmt().with_writer(|| Panics);
        subscriber.with_span_events(FmtSpan::FULL).init();
        let report = |report: Report| say(report.to_string().split(" in ").next().unwrap());
        let hooks = four(|| say("hook"));
        if common::variant().unwrap() == "run" {
            report(futures_lite::future::block_on(hooks.run()));
            return;
        }
        let shutdown = ShutdownSignal::manual();
        let guard = hooks.exit_on(shutdown.clone()).on_report(report).start().unwrap();
        shutdown.request("enough");
        guard.join();
    };
}
