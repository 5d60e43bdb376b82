//! What a subscriber hears of a shutdown.

mod common;

use std::future::pending;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use common::bounded::bounded;
use common::{cases, say};
use signoff::{Hooks, InFlight, Report, ShutdownSignal};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::FmtSpan;

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
        Some((before, after)) if line.contains("still_open") => {
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
        .hook("queue", async || Err(io::Error::other("refused")));
    let span = r#"shutdown{reason="request: enough"}: "#;
    assert_eq!(
        told(hooks, Some(shutdown)),
        [
            format!(
                r#"INFO {span}signoff::hooks::tracing: shutdown begins reason="request: enough" hooks=2 budget=10.0 s"#
            ),
            format!("WARN {span}tracing: from inside"),
            format!(
                r#"INFO {span}signoff::hooks::tracing: hook ended hook="cache" outcome="done" took_ms=T"#
            ),
            format!(
                r#"WARN {span}signoff::hooks::tracing: hook ended hook="queue" outcome="failed" took_ms=T error="refused""#
            ),
            format!("INFO {span}signoff::hooks::tracing: shutdown ends clean=false took_ms=T"),
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
    assert_eq!(
        told(hooks, None),
        [
            "INFO shutdown: signoff::hooks::tracing: shutdown begins hooks=3 budget=10.0 s",
            r#"WARN shutdown: signoff::hooks::tracing: hook given up hook="requests" outcome="timed out" took_ms=T still_open="GET /report (T)""#,
            r#"WARN shutdown: signoff::hooks::tracing: hook given up hook="hangs" outcome="timed out" took_ms=T"#,
            r#"WARN shutdown: signoff::hooks::tracing: hook given up hook="blocks" outcome="abandoned" took_ms=T"#,
            "INFO shutdown: signoff::hooks::tracing: shutdown ends clean=false took_ms=T",
        ]
    );
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
        let words = ["shutdown begins", "hook ended", "hook given up", "shutdown ends"];
        let heard = words.into_iter().find(|word| line.contains(word)).unwrap_or("?");
        let hook = line.split("hook=").nth(1).and_then(|rest| rest.split('"').nth(1));
        say(format_args!("{heard} {}", hook.unwrap_or_default()).to_string().trim());
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

fn park() -> ! {
    loop {
        thread::park();
    }
}

fn says(hangs_at: &'static str) {
    let says = move || Says { hangs_at };
    tracing_subscriber::fmt().with_writer(says).with_ansi(false).without_time().init();
}

cases! {
    hooks_left_behind_by_exit_on_are_told: |case| {
        let child = case.start();
        for line in ["shutdown begins", "hook ended beside it", "hook given up blocks", "shutdown ends"] {
            child.expect(line);
        }
        child.exits_with(1);
    }, || {
        says("nowhere");
        let shutdown = ShutdownSignal::manual();
        let hooks = Hooks::new().budget(5 * SHORT).hook("blocks", async || if true { park() });
        let guard = hooks.hook("beside it", async || {}).exit_on(shutdown.clone()).unwrap();
        shutdown.request("enough");
        guard.join();
    };

    a_subscriber_that_hangs_does_not_stop_the_end: |case| {
        for variant in ["shutdown begins", "hook ended", "hook given up", "shutdown ends"] {
            case.variant(variant).start().exits_with(1);
        }
    }, || {
        says(common::variant().unwrap().leak());
        let shutdown = ShutdownSignal::manual();
        let hooks = Hooks::new().budget(5 * SHORT).hook("cache", async || {}).then();
        let hooks = hooks.hook("blocks", async || if true { park() });
        let guard = hooks.exit_on(shutdown.clone()).unwrap();
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
        let guard = hooks.on_report(report).exit_on(shutdown.clone()).unwrap();
        shutdown.request("enough");
        guard.join();
    };
}
