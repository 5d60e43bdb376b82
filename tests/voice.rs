//! What `exit_on` says on standard error: what the process waits for, and the report if it is not clean.
#![cfg(unix)]

mod common;
#[path = "common/terminal.rs"]
mod terminal;

use std::future::pending;
use std::io;
use std::os::fd::AsFd;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use common::system::{closed_pipe, full_pipe, replace};
use common::{BOUND, Child, at_once, cases, say, ticks, until, variant};
use futures_lite::future::block_on;
use libc::{SIGINT, SIGTERM, SIGUSR1};
use signoff::hooks::ExitOn;
use signoff::{Blocking, ForcedExit, Hooks, InFlight, ShutdownSignal, Signal, Signals};
use terminal::Terminal;

const CTRL_C: &str = "\x03";
const MS: Duration = Duration::from_millis(1);

cases! {
    a_line_after_a_second_says_what_the_process_waits_for: |case| {
        let child = case.ready();
        child.kill(SIGTERM);
        let sent = Instant::now();
        until("a line", || child.errors().ends_with('\n'));
        assert!(sent.elapsed() >= 900 * MS, "a short shutdown is silent");
        child.kill(SIGUSR1);
        let ended = clean(child);
        let [line] = &*ended else { panic!("one line: {ended:#?}") };
        assert!(line.starts_with("waiting for main ("), "{line}");
        assert!(line.contains("; in flight: GET /report ("), "{line}");
        assert!(line.ends_with("))"), "without a terminal, no key is offered: {line}");
    }, || {
        let work = InFlight::new();
        let request = work.enter("GET /report");
        let mut user = Signals::new([Signal::from_raw(SIGUSR1)]).stream(Blocking).unwrap();
        let exit_on = Hooks::new().budget(2 * BOUND).exit_on(listen()).in_flight(&work);
        _ = exit_on.run_blocking(|| {
            say("ready");
            user.wait();
            drop(request);
            say("done");
        });
    };

    a_short_shutdown_is_silent: |case| {
        let child = case.start();
        child.expect("hook");
        let ended = child.ends(); // it may say what it waits for on a busy machine
        assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    }, || requested(Hooks::new().hook("cache", async || say("hook")), |exit_on| exit_on);

    the_same_names_are_said_once: |case| {
        let lines = clean(case.start());
        let [line] = &*lines else { panic!("one line: {lines:#?}") };
        assert!(line.starts_with("waiting for queue ("), "{line}");
    }, || {
        let (observer, ticks) = ticks();
        let waits = move || {
            (0..4).for_each(|_| ticks.recv().unwrap()); // one a second
            say("done");
        };
        requested(Hooks::new().blocking("queue", waits).observe(observer), |exit_on| exit_on);
    };

    other_names_are_said_once_a_second: |case| {
        let child = case.start();
        let (start, done) = (Instant::now(), child.line());
        assert_eq!(done, "done");
        let lines = clean(child);
        let seconds = start.elapsed().as_secs().try_into().unwrap();
        assert!((2..=seconds).contains(&lines.len()), "{seconds} seconds: {lines:#?}");
        assert!(lines.iter().all(|line| line.contains("in flight: job ")), "{lines:#?}");
    }, || {
        let (observer, ticks) = ticks();
        let jobs = InFlight::new();
        let (drained, mut job) = (jobs.drained(), jobs.enter("job 0"));
        let works = move || {
            let (mut number, mut seconds) = (0, 0);
            while seconds < 4 {
                number += 1;
                let next = jobs.enter(format!("job {number}"));
                drop(std::mem::replace(&mut job, next));
                seconds += usize::from(ticks.recv_timeout(20 * MS).is_ok());
            }
            say("done");
        };
        let hooks = Hooks::new().hook("jobs", || drained).blocking("works", works);
        requested(hooks.observe(observer), |exit_on| exit_on);
    };

    a_new_stage_is_said: |case| {
        let lines = clean(case.start());
        let [first, second] = &*lines else { panic!("two lines: {lines:#?}") };
        assert!(first.starts_with("waiting for queue ("), "{first}");
        assert!(second.starts_with("waiting for database ("), "{second}");
    }, || {
        let (observer, ticks) = ticks();
        let (database, waits) = std::sync::mpsc::channel();
        let queue = move || {
            (0..2).for_each(|_| ticks.recv().unwrap());
            database.send(ticks).unwrap();
        };
        let database = move || {
            let ticks: Receiver<()> = waits.recv().unwrap();
            (0..3).for_each(|_| ticks.recv().unwrap());
            say("done");
        };
        let hooks = Hooks::new().blocking("queue", queue).then().blocking("database", database);
        requested(hooks.observe(observer), |exit_on| exit_on);
    };

    // The first look at what runs, or any other, is soon after the start of a stage.
    a_hook_that_has_just_started_is_not_said: |case| {
        let lines = clean(case.start());
        for line in &lines {
            let (_, time) = line.split_once(" (").unwrap();
            let (time, _) = time.split_once(" ms of ").unwrap_or(("1000", "")); // a second or more
            assert!(time.parse::<u32>().unwrap() >= 100, "{lines:#?}");
        }
    }, || {
        let stages = (0..150).fold(Hooks::new(), |hooks, number| {
            hooks.blocking(format!("stage {number}"), || std::thread::sleep(20 * MS)).then()
        });
        requested(stages.hook("ends", async || say("done")), |exit_on| exit_on);
    };

    a_line_has_five_names_those_of_hooks_first: |case| {
        at_once([(2, 2, 3), (4, 4, 1), (13, 5, 0)], |(all, hooks, jobs)| {
            let lines = clean(case.variant(&all.to_string()).start());
            let line = &lines[0]; // a second one may come while the hooks end
            let number_of = |name| line.matches(name).count();
            assert_eq!((number_of("hook "), number_of("job ")), (hooks, jobs), "{line}");
            // All but one wait for the nine jobs, and the first one names some.
            let counted = if jobs == 0 { 4 } else { all - 2 };
            assert_eq!(number_of("; 9 in flight)"), counted, "{line}");
            assert_eq!(line.contains(&format!(" and {} more)", 9 - jobs)), jobs > 0, "{line}");
            assert_eq!(line.ends_with(" and 8 more"), all == 13, "{line}");
        });
    }, || {
        let (observer, ticks) = ticks();
        let jobs = InFlight::new();
        let entries: Vec<_> = (0..9).map(|number| jobs.enter(format!("job {number}"))).collect();
        let drained = jobs.drained();
        let ends = move || {
            (0..2).for_each(|_| ticks.recv().unwrap());
            say("done");
            drop(entries);
        };
        let hooks = Hooks::new().hook("hook 0", || drained).blocking("hook 1", ends);
        let hooks = (2..variant().unwrap().parse().unwrap()).fold(hooks, |hooks, number| {
            let drained = jobs.drained();
            hooks.hook(format!("hook {number}"), async move || drained.await)
        });
        requested(hooks.observe(observer), |exit_on| exit_on);
    };

    // A name from a client must not command the terminal.
    a_name_is_escaped: |case| {
        let lines = clean(case.start());
        let [line] = &*lines else { panic!("one line: {lines:#?}") };
        assert!(line.starts_with("waiting for a\\nb\\u{1b}[2J ("), "{line}");
    }, || requested(waits_two_ticks("a\nb\x1b[2J"), |exit_on| exit_on);

    // The line after a second, and the report, each unless the program replaces it.
    a_slow_failure_is_told: |case| {
        for (variant, has_line, has_report) in [
            ("", true, true),
            ("on_report", true, false),
            ("quiet", false, false),
            ("quiet, on_report", false, false),
        ] {
            let child = case.variant(variant).start();
            child.expect("done");
            if variant.ends_with("on_report") {
                child.expect("0 of 1 hooks done");
            }
            let ended = child.ends_with_output();
            assert_eq!((ended.status.code(), &*ended.unread), (Some(1), &[][..]), "{ended:?}");
            let (line, report) = (ended.errors.find("waiting for slow ("), ended.errors.find("0 of 1 hooks done in "));
            assert_eq!((line.is_some(), report.is_some()), (has_line, has_report), "{ended:?}");
            assert!(!has_report || (line < report && ended.errors.contains("on purpose")), "{ended:?}");
            assert_eq!(ended.errors.is_empty(), !has_line && !has_report, "{ended:?}");
        }
    }, || requested(fails_slowly(), |exit_on| chosen(exit_on, &variant().unwrap()));

    a_quick_failure_is_told_by_the_report_alone: |case| {
        let ended = case.start().ends_with_output();
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
        let lines: Vec<_> = ended.errors.lines().filter(|line| !line.starts_with("waiting for ")).collect();
        assert!(lines[0].starts_with("0 of 1 hooks done in "), "{ended:?}");
        assert!(lines.iter().any(|line| line.ends_with("on purpose")), "{ended:?}");
    }, || requested(Hooks::new().hook("fails", async || Err::<(), _>("on purpose")), |exit_on| exit_on);

    // Nobody waits for what cannot be printed.
    a_standard_error_that_takes_nothing_delays_nothing: |case| {
        at_once(["closed", "full"], |variant| {
            let child = case.variant(variant).start();
            child.expect("done");
            let start = Instant::now();
            let ended = child.ends_with_output();
            assert_eq!(ended.status.code(), Some(1), "{variant}: {ended:?}");
            assert!(start.elapsed() < BOUND / 3, "{variant}: long before the budget of {BOUND:?}");
        });
    }, || {
        let pipe = if variant().unwrap() == "full" { full_pipe() } else { closed_pipe() };
        replace(io::stderr().as_fd(), &pipe);
        requested(fails_slowly(), |exit_on| exit_on);
    };

    // As after Ctrl-S.
    a_terminal_that_is_not_read_delays_nothing: |case| {
        let terminal = Terminal::unread(100, 20);
        let child = terminal.case(case).start();
        child.expect("done");
        let start = Instant::now();
        let ended = child.ends_with_output();
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
        assert!(start.elapsed() < BOUND / 3);
    }, || {
        let full = (0..2000).map(|_| "x".repeat(100)).collect::<String>();
        std::thread::spawn(move || eprint!("{full}"));
        requested(fails_slowly(), |exit_on| exit_on);
    };

    ctrl_c_is_offered_on_a_terminal_if_it_works: |case| {
        at_once(["listen", "child", "never", "manual"], |variant| {
            let terminal = Terminal::new(100, 20);
            let child = terminal.case(&case.variant(variant)).ready();
            if variant == "manual" {
                child.kill(SIGUSR1);
            } else {
                terminal.press(CTRL_C);
            }
            terminal.until("a line", |lines| lines.iter().any(|line| line.starts_with("waiting for main (")));
            let lines = terminal.lines();
            let [line] = &*lines else { panic!("the line takes the place of ^C: {lines:#?}") };
            let is_offered = line.ends_with("), Ctrl-C again to quit");
            assert_eq!(is_offered, ["listen", "child"].contains(&variant), "{variant}: {line}");
            if is_offered {
                terminal.press(CTRL_C);
                child.dies_by(SIGINT);
            }
        });
    }, || {
        let never = || Signals::default().forced_exit(ForcedExit::Never).listen(Blocking).unwrap();
        let user = Signals::new([Signal::from_raw(SIGUSR1)]).listen(Blocking).unwrap();
        let shutdown = match variant().unwrap().as_str() {
            "never" => never(),
            "child" => listen().child(),
            "manual" => {
                let shutdown = ShutdownSignal::manual();
                let requested = shutdown.clone();
                std::thread::spawn(move || {
                    user.wait();
                    requested.request("enough");
                });
                shutdown
            }
            _ => listen(),
        };
        let main = async {
            say("ready");
            pending::<()>().await;
        };
        _ = block_on(Hooks::new().budget(10 * BOUND).exit_on(shutdown).run(main));
    };
}

/// A shutdown that another job of the shell would be stopped for.
#[cfg(target_os = "linux")]
mod background {
    use super::*;

    cases! {
        a_background_job_is_not_stopped: |case| {
            let terminal = Terminal::new(100, 20);
            terminal.stop_background_output();
            let Some(child) = terminal.case(case).start_as_job() else { return };
            child.expect("done");
            assert_eq!(child.ends_with_output().status.code(), Some(1));
            terminal.until_line("0 of 1 hooks done in ");
        }, || requested(fails_slowly(), |exit_on| exit_on);
    }
}

#[cfg(feature = "progress")]
mod with_progress {
    use signoff::progress;

    use super::*;

    cases! {
        plain_lines_are_not_said_twice: |case| {
            let child = case.start();
            child.expect("done");
            let ended = child.ends_with_output();
            assert_eq!(ended.status.code(), Some(1), "{ended:?}");
            let lines: Vec<_> = ended.errors.lines().collect();
            let number_of = |start| lines.iter().filter(|line| line.starts_with(start)).count();
            assert_eq!((number_of("stopping: "), number_of("0 of 1 hooks done in ")), (1, 1), "{lines:#?}");
            let mut seconds: Vec<_> = lines.iter().filter_map(|line| second_of(line)).collect();
            assert!(!seconds.is_empty(), "{lines:#?}");
            seconds.dedup();
            assert_eq!(seconds.len(), number_of("waiting for "), "one a second: {lines:#?}");
        }, || requested(fails_slowly().observe(progress::observer()), |exit_on| exit_on);

        a_view_has_no_line_beside_it: |case| {
            let terminal = Terminal::new(100, 20);
            let child = terminal.case(case).start();
            child.expect("done");
            assert_eq!(child.ends_with_output().status.code(), Some(1));
            terminal.until_line("0 of 1 hooks done in ");
            let written = terminal.written();
            assert!(written.contains("slow") && !written.contains("waiting for "), "{written}");
        }, || requested(fails_slowly().observe(progress::observer()), |exit_on| exit_on);
    }
}

/// The nearest second of `waiting for slow (999 ms of 30.0 s)`.
#[cfg(feature = "progress")]
fn second_of(line: &str) -> Option<String> {
    let (time, _) = line.strip_prefix("waiting for slow (")?.split_once(" of ")?;
    let (number, unit) = time.split_once(' ')?;
    let number: f32 = number.parse().unwrap();
    Some(format!("{:.0}", if unit == "ms" { number / 1000.0 } else { number }))
}

#[cfg(feature = "tracing")]
mod with_tracing {
    use std::thread;

    use tracing::level_filters::LevelFilter;
    use tracing_subscriber::layer::SubscriberExt;

    use super::common::block;
    use super::*;

    /// Says each event, without its times.
    struct Says;

    impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Says {
        fn on_event(
            &self,
            event: &tracing::Event<'_>,
            _: tracing_subscriber::layer::Context<'_, S>,
        ) {
            let mut text = String::new();
            let mut visit = |field: &tracing::field::Field, value: &dyn std::fmt::Debug| {
                if field.name() == "message" {
                    text = format!("{value:?}");
                }
            };
            event.record(&mut visit);
            let (level, target) = (event.metadata().level(), event.metadata().target());
            let first = text.split([' ', '\n']).take(3).collect::<Vec<_>>().join(" ");
            say(format_args!("{level} {target}: {first}"));
        }
    }

    cases! {
        lines_are_events_if_the_subscriber_takes_them: |case| {
            for (variant, events, lines) in [
                ("info", &["INFO signoff: waiting for slow", "ERROR signoff: 0 of 1"][..], &[][..]),
                ("error", &["ERROR signoff: 0 of 1"], &["waiting for slow ("]),
                ("off", &[], &["waiting for slow (", "0 of 1 hooks done in "]),
                ("other thread", &[], &["waiting for slow (", "0 of 1 hooks done in "]),
                ("info, quiet", &[], &[]),
                ("info, on_report", &["INFO signoff: waiting for slow", "0 of 1 hooks done"], &[]),
            ] {
                let child = case.variant(variant).start();
                let ended = child.ends_with_output();
                assert_eq!(ended.status.code(), Some(1), "{variant}: {ended:?}");
                let said: Vec<_> = ended.unread.iter().filter(|line| *line != "done").collect();
                assert_eq!(said, events, "{variant}: {ended:?}");
                let is_line = |line: &&str| line.starts_with("waiting") || line.contains("hooks done");
                let printed: Vec<_> = ended.errors.lines().filter(is_line).collect();
                assert_eq!(printed.len(), lines.len(), "{variant}: {ended:?}");
                let so = printed.iter().zip(lines).all(|(line, start)| line.starts_with(start));
                assert!(so, "{variant}: {ended:?}");
            }
        }, || {
            let variant = variant().unwrap();
            let (level, _) = variant.split_once(", ").unwrap_or((&variant, ""));
            let level = level.parse().unwrap_or(LevelFilter::INFO);
            let subscriber = tracing_subscriber::registry().with(Says).with(level);
            if variant == "other thread" {
                thread::spawn(|| tracing::subscriber::with_default(subscriber, block));
                return requested(fails_slowly(), |exit_on| exit_on);
            }
            // Not the thread that runs the hooks or prints the report.
            tracing::subscriber::with_default(subscriber, || {
                requested(fails_slowly(), |exit_on| chosen(exit_on, &variant));
            });
        };
    }
}

/// Waits for the end with status 0. Returns the lines on standard error.
#[track_caller]
fn clean(child: Child) -> Vec<String> {
    let ended = child.ends_with_output();
    assert!(ended.status.success(), "{ended:?}");
    let unread: Vec<_> = ended.unread.iter().filter(|line| *line != "done").collect();
    assert!(unread.is_empty(), "{ended:?}");
    ended.errors.lines().map(str::to_owned).collect()
}

fn listen() -> ShutdownSignal {
    ShutdownSignal::listen(Blocking).unwrap()
}

/// Starts the hooks with far more time than they take, requests the shutdown and waits for the exit.
fn requested(hooks: Hooks, options: impl FnOnce(ExitOn) -> ExitOn) {
    let shutdown = ShutdownSignal::manual();
    let exit_on = hooks.budget(BOUND).exit_on(shutdown.clone());
    let guard = options(exit_on).start().unwrap();
    shutdown.request("enough");
    guard.join();
}

fn chosen(exit_on: ExitOn, options: &str) -> ExitOn {
    let exit_on = if options.contains("quiet") { exit_on.quiet() } else { exit_on };
    if !options.contains("on_report") {
        return exit_on;
    }
    exit_on.on_report(|report| {
        let done = report.hooks().iter().filter(|hook| hook.outcome().is_done()).count();
        say(format_args!("{done} of {} hooks done", report.hooks().len()));
    })
}

/// A hook that ends after the second line of an observer.
fn waits_two_ticks(name: &str) -> Hooks {
    let (observer, ticks) = ticks();
    let waits = move || {
        (0..2).for_each(|_| ticks.recv().unwrap());
        say("done");
    };
    Hooks::new().blocking(name, waits).observe(observer)
}

fn fails_slowly() -> Hooks {
    let (observer, ticks) = ticks();
    let waits = move || {
        (0..2).for_each(|_| ticks.recv().unwrap());
        say("done");
        Err::<(), _>("on purpose")
    };
    Hooks::new().blocking("slow", waits).observe(observer)
}
