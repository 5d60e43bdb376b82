//! What people see of a shutdown, on a real terminal and without one.
#![cfg(unix)]

mod common;
#[path = "common/terminal.rs"]
mod terminal;

use std::fs::{self, File, OpenOptions};
use std::future::pending;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;
use std::{env, process, thread};

use common::{ANOTHER_PRESS, BOUND, Case, Child, cases, say, system, ticks, variant};
use futures_lite::future;
use libc::{SIGHUP, SIGTERM, SIGUSR1};
use signoff::{Blocking, ForcedExit, Hooks, InFlight, ShutdownSignal, Signal, Signals, progress};
use terminal::Terminal;

const CTRL_C: &str = "\x03";
const SECOND: Duration = Duration::from_secs(1);

fn on(terminal: &Terminal, case: &Case) -> Child {
    terminal.case(case).ready()
}

/// A program with two stages. The first one ends with SIGUSR1.
fn program(observer: progress::ProgressObserver, signals: Signals) {
    let shutdown = signals.listen(Blocking).unwrap();
    let mut user = Signals::new([Signal::from_raw(SIGUSR1)]).stream(Blocking).unwrap();
    let requests = InFlight::new();
    let (drained, request) = (requests.drained(), requests.enter("GET /report"));
    let guard = Hooks::new()
        .budget(2 * BOUND)
        .hook("requests", || drained)
        .hook("cache", async || {})
        .then()
        .hook("database", async || {})
        .observe(observer)
        .exit_on(shutdown.clone())
        .on_report(|report| report.eprint())
        .start()
        .unwrap();
    say("ready");
    shutdown.wait();
    user.wait();
    if variant().as_deref() != Some("prints nothing") {
        eprintln!("the request has ended");
        progress::stderr().write_all(b"a\nb\n").unwrap();
    }
    say("the request has ended");
    drop(request);
    guard.join();
}

fn contains(lines: &[String], text: &str) -> bool {
    lines.iter().any(|line| line.contains(text))
}

cases! {
    the_view_gives_way_to_the_report: |case| {
        let terminal = Terminal::new(100, 20);
        let child = on(&terminal, case);
        terminal.press(CTRL_C);
        terminal.until_line("stopping: SIGINT, 1 of 3 hooks ended");
        let lines = terminal.lines();
        assert_eq!((lines.len(), terminal.cursor()), (4, Some((0, 0))), "{lines:#?}");
        assert!(lines[0].is_empty(), "{lines:#?}");
        assert!(lines[2].starts_with("requests  │"), "{lines:#?}");
        assert!(lines[2].contains(" s  in flight: GET /report ("), "{lines:#?}");
        assert!(lines[3].ends_with(" left, Ctrl-C again to quit"), "{lines:#?}");

        child.kill(SIGUSR1);
        child.expect("the request has ended");
        child.exits_with(0);
        terminal.until_line("2  database");
        let mut lines = terminal.lines();
        assert_eq!(terminal.cursor(), Some((lines.len().try_into().unwrap(), 0)), "{lines:#?}");
        lines.retain(|line| !line.contains("before hooks")); // on a busy machine
        let starts =
            ["the request has ended", "a", "b", "3 of 3 hooks done in ", "1  requests", "   cache", "2  "];
        assert_eq!(lines.len(), starts.len(), "{lines:#?}");
        let so = lines.iter().zip(starts).all(|(line, start)| line.starts_with(start));
        assert!(so, "{lines:#?}");
        assert_eq!((&*lines[1], &*lines[2]), ("a", "b"), "without parts of the view");
    }, || program(progress::observer(), Signals::default());

    a_forced_exit_leaves_the_terminal_as_it_was: |case| {
        let terminal = Terminal::new(100, 20);
        let child = on(&terminal, case);
        terminal.press(CTRL_C);
        terminal.until_line("requests");
        thread::sleep(ANOTHER_PRESS);
        terminal.press(CTRL_C);
        child.dies_by(libc::SIGINT);
        terminal.until("erased", |lines| lines == ["^C"]);
        assert_eq!(terminal.cursor(), Some((0, 2)));
        assert!(!terminal.written().contains("\x1b[?"), "no mode is set");
    }, || program(progress::observer(), Signals::default());

    a_resized_terminal_shows_what_fits: |case| {
        let terminal = Terminal::new(100, 20);
        let child = on(&terminal, case);
        terminal.press(CTRL_C);
        terminal.until_line("requests");
        terminal.resize(30, 4);
        terminal.until("cut", |lines| {
            lines.get(1).is_some_and(|title| title == "stopping: SIGINT, 1 of 3 hoo…")
                && lines.len() == 4
        });
        terminal.resize(120, 30);
        terminal.until("wide again", |lines| contains(lines, "in flight: GET /report"));
        child.kill(SIGUSR1);
        child.expect("the request has ended");
        child.exits_with(0);
        terminal.until_line("2  database");
        assert!(!contains(&terminal.lines(), "again to quit"));
    }, || program(progress::observer(), Signals::default());

    no_color_is_respected: |case| {
        let is_colored = |case| {
            let terminal = Terminal::new(100, 20);
            let child = on(&terminal, case);
            terminal.press(CTRL_C);
            terminal.until_line("requests  ");
            drop(child);
            terminal.written().contains("\x1b[2m")
        };
        assert!(is_colored(case));
        assert!(!is_colored(&case.under(&["env", "NO_COLOR=1"])));
    }, || program(progress::observer(), Signals::default());

    // It is not offered if it does not work, and not `again` if it comes first.
    ctrl_c_is_what_it_says: |case| {
        for (variant, last) in [
            ("default", ", Ctrl-C to quit"),
            ("never", " s left"),
            ("without SIGINT", " s left"),
            ("raw", " s left"),
        ] {
            let terminal = Terminal::new(100, 20);
            let child = on(&terminal, &case.variant(variant));
            child.kill(SIGTERM);
            // Also in raw mode, the cursor is in the first line again.
            terminal.until("a frame", |lines| lines.len() == 4 && terminal.cursor() == Some((0, 0)));
            let lines = terminal.lines();
            assert!(lines[3].ends_with(last), "{variant}: {lines:#?}");
        }
    }, || {
        let signals = match variant().as_deref() {
            Some("never") => Signals::default().forced_exit(ForcedExit::Never),
            Some("without SIGINT") => Signals::default().without(Signal::Interrupt),
            _ => Signals::default(),
        };
        if variant().as_deref() == Some("raw") {
            terminal::set_raw(true);
        }
        program(progress::observer(), signals);
    };

    #[cfg(target_os = "linux")]
    a_background_job_has_plain_lines: |case| {
        let terminal = Terminal::new(100, 20);
        terminal.stop_background_output();
        // Its own lines would stop it.
        let case = case.variant("prints nothing");
        let Some(child) = terminal.case(&case).start_as_job() else { return };
        child.expect("ready");
        terminal.press("half a command");
        terminal.until_line("half a command");
        child.kill(SIGTERM);
        terminal.until_line("half a commandstopping: SIGTERM");
        terminal.until_line("waiting for requests (");
        child.kill(SIGUSR1);
        child.expect("the request has ended");
        child.exits_with(0);
        let written = terminal.written();
        let moves = ["\x1b[J", "\x1b[K", "\r\x1b", "Ctrl-C"].iter().find(|&it| written.contains(it));
        assert_eq!(moves, None, "{written:?}");
    }, || {
        program(progress::observer(), Signals::default());
    };

    #[cfg(target_os = "linux")]
    a_job_that_comes_to_the_foreground_has_the_view: |case| {
        let terminal = Terminal::new(100, 20);
        let script = r#""$@" & read; fg"#;
        let Some(child) = terminal.case(case).start_by_shell(script) else { return };
        child.expect("ready");
        child.kill(SIGTERM);
        terminal.until_line("waiting for requests (");
        terminal.press("\n");
        terminal.until_line("requests  │");
        terminal.until("a frame", |lines| lines.last().unwrap().ends_with(" left, Ctrl-C to quit"));
        child.kill(SIGUSR1);
        child.expect("the request has ended");
        child.exits_with(0);
    }, || program(progress::observer(), Signals::default());

    #[cfg(target_os = "linux")]
    a_job_that_goes_to_the_background_has_plain_lines: |case| {
        let terminal = Terminal::new(100, 20);
        let script = r#""$@"; bg; wait %1"#;
        let Some(child) = terminal.case(case).start_by_shell(script) else { return };
        child.expect("ready");
        terminal.press(CTRL_C);
        terminal.until_line("requests  │");
        terminal.press("\x1a"); // Ctrl-Z
        terminal.until_line("waiting for requests (");
        let lines = terminal.lines();
        assert!(!contains(&lines, "requests  │") && !contains(&lines, "to quit"), "{lines:#?}");
        child.kill(SIGUSR1);
        child.expect("the request has ended");
        child.exits_with(0);
    }, || program(progress::observer(), Signals::default());

    a_cancelled_run_clears_the_view: |case| {
        let terminal = Terminal::new(100, 20);
        let child = on(&terminal, case);
        terminal.until_line("stopping, 0 of 1 hooks ended");
        child.kill(SIGUSR1);
        terminal.until("cleared", <[String]>::is_empty);
        child.expect("cancelled");
    }, || {
        let user = Signals::new([Signal::from_raw(SIGUSR1)]).listen(Blocking).unwrap();
        let hooks = Hooks::new().budget(2 * BOUND).hook("hangs", async || pending::<()>().await);
        say("ready");
        let run = hooks.observe(progress::observer()).run();
        future::block_on(user.run_until_requested(run));
        say("cancelled");
        system::pause(); // its thread clears the view
    };

    // As after Ctrl-S.
    a_terminal_that_is_not_read_delays_nothing: |case| {
        let terminal = Terminal::unread(100, 20);
        let child = on(&terminal, case);
        child.kill(SIGTERM);
        child.expect("standard error is not locked");
        child.exits_with(0); // long before the budget ends
    }, || {
        let shutdown = ShutdownSignal::listen(Blocking).unwrap();
        let (observer, ticks) = ticks();
        let guard = Hooks::new()
            .budget(10 * BOUND)
            .blocking("writes", move || {
                let _ = ticks.recv(); // the observer has tried to draw some frames
                drop(io::stderr().lock());
                say("standard error is not locked");
            })
            .observe(progress::observer())
            .observe(observer)
            .exit_on(shutdown.clone())
            .start()
            .unwrap();
        // A descriptor that does not block, unlike standard error.
        let tty = OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK).open("/dev/tty");
        let mut tty = tty.unwrap();
        while tty.write(&[b'x'; 100]).is_ok() {}
        while tty.write(b"x").is_ok() {}
        say("ready");
        shutdown.wait();
        guard.join();
    };

    a_terminal_that_closes_is_no_error: |case| {
        let terminal = Terminal::unread(100, 20);
        let child = on(&terminal, &case.ignoring(SIGHUP));
        terminal.press(CTRL_C);
        child.expect("has a view");
        drop(terminal);
        child.kill(SIGUSR1);
        child.expect("ended");
        child.exits_with(0);
    }, || {
        let shutdown = ShutdownSignal::listen(Blocking).unwrap();
        let mut user = Signals::new([Signal::from_raw(SIGUSR1)]).stream(Blocking).unwrap();
        let (observer, ticks) = ticks();
        let hooks = Hooks::new()
            .budget(2 * BOUND)
            .blocking("requests", move || _ = user.wait())
            .observe(progress::observer())
            .observe(observer);
        let guard = hooks.exit_on(shutdown.clone()).on_report(|report| {
            report.eprint();
            say("ended");
        });
        let guard = guard.start().unwrap();
        say("ready");
        ticks.recv().unwrap();
        say("has a view");
        guard.join();
    };

    without_a_terminal_there_are_plain_lines: |case| {
        let path = env::temp_dir().join(format!("signoff-progress-{}", process::id()));
        let child = case.variant(path.to_str().unwrap()).ready();
        child.kill(SIGTERM);
        child.expect("two ticks");
        child.exits_with(0);
        let text = fs::read_to_string(&path).unwrap();
        fs::remove_file(path).unwrap();
        let lines: Vec<_> = text.lines().collect();
        let (first, rest) = lines.split_first().unwrap();
        let from = format!("stopping: SIGTERM from pid {} (uid ", process::id());
        assert!(!cfg!(target_os = "linux") || first.starts_with(&from), "{text}");
        assert!(first.ends_with(" left"), "{text}");
        assert!((1..30).contains(&rest.len()), "{text}"); // once a second
        // The job may end before the last line.
        assert!(rest[0].contains("; in flight: job 7 ("), "{text}");
        let waits = |line: &&str| line.starts_with("waiting for queue\\nof jobs (");
        assert!(rest.iter().all(|line| waits(line) && line.ends_with(')')), "{text}");
    }, || {
        system::replace(io::stderr().as_fd(), &File::create(variant().unwrap()).unwrap().into());
        let shutdown = ShutdownSignal::listen(Blocking).unwrap();
        let jobs = InFlight::new();
        let (drained, job) = (jobs.drained(), jobs.enter("job 7"));
        let (observer, ticks) = ticks();
        let guard = Hooks::new()
            .budget(2 * BOUND)
            .hook("queue\nof jobs", || drained)
            .observe(progress::observer())
            .observe(observer)
            .exit_on(shutdown.clone())
            .start()
            .unwrap();
        say("ready");
        // A second after the first tick of the other observer, this one has had its first, too.
        (0..2).for_each(|_| ticks.recv().unwrap());
        say("two ticks");
        drop(job);
        guard.join();
    };

    a_closed_pipe_is_no_error: |case| case.start().passes(), || {
        system::replace(io::stderr().as_fd(), &system::closed_pipe());
        let hooks = Hooks::new().blocking("cache", || thread::sleep(SECOND + SECOND / 2));
        let report = hooks.observe(progress::observer()).run_blocking();
        assert!(report.is_clean());
    };
}
