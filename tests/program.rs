//! `ExitOn::run`: the program is the first stage, and the hooks run even if it fails.
#![cfg(unix)]

mod common;

use std::error::Error;
use std::future::{Future, Ready, pending, poll_fn};
use std::panic;
use std::sync::mpsc;
use std::task::Poll;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use common::{BOUND, block, cases, say, say_outcomes, system, variant};
use libc::SIGTERM;
use signoff::hooks::Event;
use signoff::{Blocking, Hooks, Report, ShutdownSignal, Tokio, http::Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;

type Main = Result<(), Box<dyn Error>>;

const MS: Duration = Duration::from_millis(1);
const BUDGET: Duration = Duration::from_millis(1500);

cases! {
    // The server of the README, with a request that never ends.
    a_request_that_never_ends_does_not_keep_the_process: |case| {
        let child = case.ready();
        child.kill(SIGTERM);
        let start = Instant::now();
        let printed = printed_in_the_readme();
        let (waiting, report) = printed.split_first().unwrap();
        for line in report {
            child.expect(line);
        }
        let ended = child.ends_with_output();
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
        assert!(ended.errors.lines().any(|line| without_times(line) == *waiting), "{ended:?}");
        assert!(start.elapsed() < BOUND / 2);
    }, || {
        let ended = current_thread().block_on(serve_for_ever());
        panic!("the process exits before: {ended:?}");
    };

    the_end_of_the_program_is_the_request: |case| {
        for (variant, why, status) in [
            ("returns", "main returned", 0),
            ("fails", "main failed: no port", 1),
            ("fails in a task", "main failed: no port", 1),
            ("panics", "main panicked: a bug", 1),
            ("panics at once", "main panicked: a bug", 1),
            ("panics when dropped", "main panicked: a bug", 1),
            ("panics when its future is dropped", "main panicked: a bug", 1),
            ("panics when it is created", "main panicked: a bug", 1),
            ("returns on a thread", "main returned", 0),
            ("fails on a thread", "main failed: no port", 1),
            ("panics on a thread", "main panicked: a bug", 1),
        ] {
            let child = case.variant(variant).start();
            child.expect(&format!("request: {why}"));
            child.expect(&format!("main: {}", why.trim_start_matches("main ").replace("returned", "done")));
            child.expect("database: done");
            child.exits_with(status);
        }
    }, || {
        panic::set_hook(Box::new(|_| ()));
        let shutdown = ShutdownSignal::listen(Blocking).unwrap();
        let exit_on = database().exit_on(shutdown).on_report(|report| say_report(&report));
        let ended = match variant().unwrap().as_str() {
            "returns" => block_on(exit_on.run(async {})),
            "fails" => block_on(exit_on.run(async { Err::<(), Box<dyn Error>>("no port".into()) })),
            "fails in a task" => current_thread().block_on(async {
                exit_on.run(tokio::spawn(async { Err::<(), _>("no port") })).await
            }),
            "returns on a thread" => exit_on.run_blocking(|| ()),
            "fails on a thread" => exit_on.run_blocking(|| Err::<(), _>("no port")),
            "panics on a thread" => exit_on.run_blocking(bug),
            "panics" => block_on(exit_on.run(async { bug() })),
            // It has returned, and still owns what panics.
            "panics when its future is dropped" => {
                let panics = Panics;
                block_on(exit_on.run(poll_fn(move |_| {
                    let _owned = &panics;
                    Poll::Ready(())
                })))
            }
            "panics when it is created" => block_on(exit_on.run_with(|_| -> Ready<()> { panic!("a bug") })),
            "panics at once" => block_on(exit_on.run(poll_fn(|_| -> Poll<()> { panic!("a bug") }))),
            _ => {
                let panics = Panics;
                block_on(exit_on.run(async move { drop(panics) }))
            }
        };
        panic!("the process exits before: {ended:?}");
    };

    the_drain_comes_before_the_hooks: |case| {
        let child = case.ready();
        child.kill(SIGTERM);
        for line in ["stops", "stopped", "hook", "main: done", "database: done"] {
            child.expect(line);
        }
        child.exits_with(0);
    }, || {
        let shutdown = ShutdownSignal::listen(Blocking).unwrap();
        let program = {
            let shutdown = shutdown.clone();
            async move {
                say("ready");
                shutdown.await;
                say("stops");
                async_io::Timer::after(50 * MS).await;
                say("stopped");
            }
        };
        let hooks = Hooks::new().hook("database", async || say("hook"));
        let exit_on = hooks.exit_on(shutdown).quiet().on_report(|report| say_outcomes(&report));
        _ = block_on(exit_on.run(program));
    };

    a_program_that_fails_after_the_signal_fails_the_status: |case| {
        let child = case.ready();
        child.kill(SIGTERM);
        child.expect("main: failed: no disk");
        child.expect("database: done");
        child.exits_with(1);
    }, || {
        let shutdown = ShutdownSignal::listen(Blocking).unwrap();
        let program = {
            let shutdown = shutdown.clone();
            async move {
                say("ready");
                shutdown.await;
                Err::<(), _>("no disk")
            }
        };
        _ = block_on(database().exit_on(shutdown).on_report(|report| say_outcomes(&report)).run(program));
    };

    a_program_of_threads_stops_before_the_hooks: |case| {
        for (variant, outcome, status) in [("stops", "done", 0), ("blocks", "abandoned", 1)] {
            let child = case.variant(variant).ready();
            child.kill(SIGTERM);
            child.expect(&format!("main: {outcome}"));
            child.expect("database: done");
            child.exits_with(status);
        }
    }, || {
        let shutdown = ShutdownSignal::listen(Blocking).unwrap();
        let stops = variant().unwrap() == "stops";
        let exit_on = database().budget(BUDGET).exit_on(shutdown.clone());
        _ = exit_on.on_report(|report| say_outcomes(&report)).run_blocking(|| {
            say("ready");
            if stops { drop(shutdown.wait()) } else { block() }
        });
    };

    a_program_that_blocks_its_runtime_is_abandoned: |case| {
        let child = case.ready();
        child.kill(SIGTERM);
        child.expect("main: abandoned");
        child.expect("database: done");
        child.exits_with(1);
    }, || {
        let program = async {
            say("ready");
            block();
        };
        _ = current_thread().block_on(async {
            let shutdown = ShutdownSignal::listen(Tokio).unwrap();
            database().budget(BUDGET).exit_on(shutdown).on_report(|report| say_outcomes(&report)).run(program).await
        });
    };

    // What is left after the drain's share is for the hooks.
    the_drain_leaves_time_to_the_hooks: |case| {
        let child = case.ready();
        child.kill(SIGTERM);
        child.expect("main: abandoned");
        child.expect("slow: done");
        child.exits_with(1);
    }, || {
        let shutdown = ShutdownSignal::listen(Blocking).unwrap();
        let hooks = Hooks::new().budget(2 * BUDGET).hook("slow", async || {
            async_io::Timer::after(BUDGET / 4).await;
        });
        let program = async {
            say("ready");
            pending::<()>().await;
        };
        let exit_on = hooks.exit_on(shutdown).quiet().on_report(|report| say_outcomes(&report));
        _ = block_on(exit_on.run(program));
    };

    a_delay_comes_before_the_drain: |case| {
        let child = case.ready();
        child.kill(SIGTERM);
        child.expect("still serving");
        child.expect("stops: SIGTERM");
        for line in ["keep serving: done", "main: done", "database: done"] {
            child.expect(line);
        }
        child.exits_with(0);
    }, || {
        let shutdown = ShutdownSignal::listen(Blocking).unwrap();
        let signal = shutdown.clone();
        let serve = |drain: ShutdownSignal| async move {
            say("ready");
            signal.await;
            assert!(!drain.is_requested(), "the delay takes a second");
            say("still serving");
            (&drain).await;
            let reason = drain.reason().unwrap().to_string();
            say(format_args!("stops: {}", reason.split(" from").next().unwrap()));
        };
        let hooks = Hooks::new().keep_serving(1000 * MS).hook("database", async || {});
        let exit_on = hooks.exit_on(shutdown).quiet().on_report(|report| say_outcomes(&report));
        _ = block_on(exit_on.run_with(serve));
    };

    a_program_that_returned_needs_no_delay: |case| {
        let child = case.start();
        for line in ["keep serving: done", "main: done", "database: done"] {
            child.expect(line);
        }
        child.exits_with(0);
    }, || {
        let shutdown = ShutdownSignal::manual();
        let hooks = Hooks::new().budget(10 * BOUND).keep_serving(2 * BOUND);
        let hooks = hooks.hook("database", async || {}).exit_on(shutdown);
        _ = block_on(hooks.on_report(|report| say_outcomes(&report)).run_with(|_| async {}));
    };

    delays_end_when_the_program_returns: |case| {
        let child = case.start();
        for line in ["keep serving: done", "keep serving: done", "main: done", "database: done"] {
            child.expect(line);
        }
        child.exits_with(0);
    }, || {
        let shutdown = ShutdownSignal::manual();
        shutdown.request("enough");
        let (sender, first_delay) = mpsc::channel();
        let observer = move |event: &Event| {
            if let Event::HookStarted(_) = event {
                let _ = sender.send(());
            }
        };
        let hooks = Hooks::new().budget(10 * BOUND).keep_serving(2 * BOUND).keep_serving(2 * BOUND);
        let hooks = hooks.hook("database", async || {}).observe(observer).exit_on(shutdown);
        let serve = |_| async move { first_delay.recv().unwrap() };
        _ = block_on(hooks.on_report(|report| say_outcomes(&report)).run_with(serve));
    };

    a_program_that_is_dropped_does_not_hold_the_hooks: |case| {
        let child = case.ready();
        child.kill(SIGTERM);
        child.expect("main: failed: dropped before it returned");
        child.expect("database: done");
        child.exits_with(1);
    }, || {
        let shutdown = ShutdownSignal::listen(Blocking).unwrap();
        let exit_on = database().budget(10 * BOUND).exit_on(shutdown).on_report(|report| say_outcomes(&report));
        let run = futures_lite::future::poll_once(exit_on.run(pending::<()>()));
        assert!(futures_lite::future::block_on(run).is_none());
        say("ready");
        block();
    };

    a_refused_thread_is_an_error: |case| case.start().passes(), || {
        system::refuse_threads();
        let exit_on = Hooks::new().exit_on(ShutdownSignal::manual());
        let error = block_on(exit_on.run(pending::<()>())).unwrap_err();
        assert!(error.to_string().contains("ulimit -u"), "{error}");
    };
}

async fn serve_for_ever() -> Main {
    let shutdown = ShutdownSignal::listen(Tokio)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let hangs = async || {
        say("ready");
        pending::<()>().await;
    };
    let app = Router::new().route("/report", get(hangs));

    tokio::spawn(async move {
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"GET /report HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        let _ = client.read_u8().await;
    });

    Hooks::new()
        .budget(2 * BUDGET) // more than a second for the server, so that the process says what it waits for
        .hook("database", async || ())
        .within(BUDGET / 5)
        .exit_on(shutdown)
        .on_report(|report| say_lines(&report))
        .serve(Server::new(listener, app))
        .await?;
    Ok(())
}

/// What the README says that the process prints: what it waits for, and the report.
fn printed_in_the_readme() -> Vec<String> {
    let readme = include_str!("../README.md");
    let sample = readme.split("```text\n").nth(1).unwrap().split("```").next().unwrap();
    sample.lines().map(without_times).collect()
}

/// Without the row that only a loaded machine shows.
fn say_lines(report: &Report) {
    let report = report.to_string();
    let lines = report.lines().filter(|line| !line.contains("before hooks"));
    lines.for_each(|line| say(without_times(line)));
}

/// The line without its bar, its numbers and their units.
fn without_times(line: &str) -> String {
    let columns: Vec<_> = line.split('|').collect();
    let is_row = columns.len() == 3;
    let columns = columns.iter().enumerate().filter(|(n, _)| !is_row || *n != 1);
    let text: String = columns.map(|(_, column)| *column).collect();
    let text = text.replace(|c: char| c.is_ascii_digit() || ".()".contains(c), "");
    let is_unit = |word: &&str| ["s", "ms"].contains(word);
    text.split_whitespace().filter(|word| !is_unit(word)).collect::<Vec<_>>().join(" ")
}

fn database() -> Hooks {
    Hooks::new().budget(BOUND).hook("database", async || {})
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    futures_lite::future::block_on(future)
}

fn current_thread() -> tokio::runtime::Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn say_report(report: &Report) {
    say(report.reason().unwrap());
    say_outcomes(report);
}

fn bug() {
    panic!("a bug");
}

struct Panics;

impl Drop for Panics {
    fn drop(&mut self) {
        bug();
    }
}
