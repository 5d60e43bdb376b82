//! Programs on a terminal: what they leave there, what they say, and what the page about them shows.
#![cfg(unix)]
#![allow(unsafe_code, reason = "standard output is replaced")]

mod common;
#[path = "common/terminal.rs"]
mod pseudo_terminal;

use std::future::pending;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use common::{BOUND, Case, at_once, cases, say, system, until, variant};
use crossbeam_channel::{Receiver, bounded, select};
use libc::{SIGINT, SIGTERM, STDERR_FILENO};
use pseudo_terminal::{Terminal, is_cooked, set_raw};
use signoff::hooks::{Event, HookReport, Observer, Outcome};
use signoff::{Blocking, ForcedExit, Hooks, ShutdownSignal, Signal, Signals};

const SECOND: Duration = Duration::from_secs(1);

const CTRL_C: &str = "\x03";
const CTRL_Z: &str = "\x1a";

/// What a program in raw mode writes: another screen, no cursor, the mouse, focus and paste.
const BEGIN: &str = "\x1b[?1049h\x1b[?25l\x1b[?1003h\x1b[?1006h\x1b[?1004h\x1b[?2004h";
/// The screen as it was, which vt100 does not know.
const MAIN_SCREEN: &str = "\x1b[?1047l";

/// Listens, and begins to draw. With ISIG, Ctrl-C is a signal even so.
fn begin(signals: Signals) -> ShutdownSignal {
    let shutdown = signals.listen(Blocking).unwrap();
    set_raw(false);
    eprint!("{BEGIN}");
    say("ready");
    shutdown
}

fn restored() -> Signals {
    Signals::default().restore_terminal()
}

#[track_caller]
fn assert_restored(terminal: &Terminal) {
    assert!(terminal.is_cooked());
    until("the screen is the main one", || terminal.written().contains(MAIN_SCREEN));
    until("there is a cursor", || terminal.cursor().is_some());
    until("no mouse, no marks", || !terminal.has_input_modes());
}

cases! {
    a_forced_exit_restores_it: |case| {
        let terminal = Terminal::new(100, 20);
        let child = terminal.case(case).ready();
        assert!(!terminal.is_cooked());
        child.kill(SIGTERM);
        child.expect("a hook hangs");
        thread::sleep(common::ANOTHER_PRESS);
        terminal.press(CTRL_C);
        child.dies_by(SIGINT);
        assert_restored(&terminal);
    }, || hangs(restored());

    without_the_option_it_stays: |case| {
        let terminal = Terminal::new(100, 20);
        let child = terminal.case(case).ready();
        child.kill(SIGTERM);
        child.expect("a hook hangs");
        thread::sleep(common::ANOTHER_PRESS);
        terminal.press(CTRL_C);
        child.dies_by(SIGINT);
        assert!(!terminal.is_cooked());
        assert!(!terminal.written().contains(MAIN_SCREEN));
    }, || hangs(Signals::default());

    // Ctrl-S, and a terminal that nobody reads.
    a_stopped_terminal_delays_no_exit: |case| at_once(["stopped", "full"], |variant| {
        let is_stopped = variant == "stopped";
        let terminal = if is_stopped { Terminal::new(100, 20) } else { Terminal::unread(100, 20) };
        let child = terminal.case(&case.variant(variant)).ready();
        if is_stopped {
            terminal.stop_output();
        }
        child.kill(SIGTERM);
        child.expect("a hook hangs");
        thread::sleep(common::ANOTHER_PRESS);
        if is_stopped {
            // Ctrl-C starts the output again.
            child.kill(SIGINT);
            child.kill_again(SIGINT);
        } else {
            terminal.press(CTRL_C);
        }
        child.dies_by(SIGINT);
        assert!(terminal.is_cooked());
        assert!(!terminal.written().contains(MAIN_SCREEN));
    }), || {
        if variant().as_deref() == Some("full") {
            fill_terminal();
        }
        hangs(restored());
    };

    // The report is on the main screen.
    exit_on_restores_it_before_the_report: |case: &Case| at_once(["status", "signal"], |variant| {
        let terminal = Terminal::new(100, 20);
        let child = terminal.case(&case.variant(variant)).ready();
        child.kill(SIGTERM);
        if variant == "signal" { child.dies_by(SIGTERM) } else { child.exits_with(1) }
        assert_restored(&terminal);
        until("a report", || terminal.written().contains("hooks done"));
        let written = terminal.written();
        assert!(written.find(MAIN_SCREEN) < written.find("hooks done"), "{written:?}");
    }), || {
        let variant = variant().unwrap();
        let hooks = Hooks::new()
            .hook("cache", async || Err::<(), _>("refused"))
            .exit_on(begin(restored()))
            .exit(if variant == "signal" { signoff::Exit::Signal } else { signoff::Exit::Status });
        let _guard = hooks.start().unwrap();
        system::pause();
    };

    signal_exit_restores_it: |case| {
        let terminal = Terminal::new(100, 20);
        let child = terminal.case(case).ready();
        child.kill(SIGTERM);
        child.dies_by(SIGTERM);
        assert_restored(&terminal);
    }, || {
        begin(restored()).wait();
        Signal::Terminate.exit();
    };

    // As after a program that has done that by itself.
    equal_modes_are_left_alone: |case| {
        let terminal = Terminal::new(100, 20);
        let child = terminal.case(case).ready();
        child.kill(SIGTERM);
        child.dies_by(SIGTERM);
        assert_eq!((terminal.written(), terminal.is_cooked()), (String::new(), true));
    }, || {
        let shutdown = restored().listen(Blocking).unwrap();
        say("ready");
        shutdown.wait();
        Signal::Terminate.exit();
    };

    only_the_terminal_on_standard_input: |case| {
        let terminal = Terminal::new(100, 20);
        let without_input = ["sh", "-c", r#"exec "$@" < /dev/null"#, "sh"];
        let child = terminal.case(case).under(&without_input).ready();
        child.kill(SIGTERM);
        child.dies_by(SIGTERM);
        assert!(!terminal.is_cooked());
    }, || {
        begin(restored()).wait();
        Signal::Terminate.exit();
    };

    // Another program has the terminal then, with modes of its own.
    #[cfg(target_os = "linux")]
    a_background_job_leaves_it_alone: |case| {
        let terminal = Terminal::new(100, 20);
        terminal.stop_background_output();
        let script = r#""$@"; stty raw -echo; bg; echo continues >&2; wait %1"#;
        let Some(child) = terminal.case(case).start_by_shell(script) else { return };
        child.expect("ready");
        terminal.press(CTRL_Z);
        until("it continues", || terminal.written().contains("continues"));
        child.kill(SIGTERM);
        child.exits_with(128 + SIGTERM);
        assert!(!terminal.is_cooked());
        assert!(!terminal.written().contains(MAIN_SCREEN));
    }, || {
        begin(restored()).wait();
        Signal::Terminate.exit();
    };

    a_forked_child_leaves_it_to_its_parent: |case| {
        let terminal = Terminal::new(100, 20);
        let child = terminal.case(case).ready();
        child.expect("still raw");
        child.kill(SIGTERM);
        child.dies_by(SIGTERM);
        assert_restored(&terminal);
    }, || {
        let shutdown = begin(restored());
        let forked = system::fork(|| Signal::Terminate.exit());
        assert_eq!(system::died_by(system::wait_for(forked)), Some(SIGTERM));
        assert!(!is_cooked(STDERR_FILENO));
        say("still raw");
        shutdown.wait();
        Signal::Terminate.exit();
    };

    // The program has requested it, so there is no signal before this one.
    the_first_ctrl_c_after_a_request_ends_the_process: |case: &Case| at_once(["interrupt", "any"], |variant| {
        let terminal = Terminal::new(100, 20);
        let child = terminal.case(&case.variant(variant)).ready();
        thread::sleep(common::ANOTHER_PRESS);
        terminal.press(CTRL_C);
        child.dies_by(SIGINT);
    }), || {
        let is_any = variant().unwrap() == "any";
        let forced_exit = if is_any { ForcedExit::Any } else { ForcedExit::Interrupt };
        let shutdown = Signals::default().forced_exit(forced_exit).listen(Blocking).unwrap();
        shutdown.request("enough");
        say("ready");
        common::block();
    };
}

cases! {
    // After `^C`, and in raw mode.
    the_line_says_what_ctrl_c_does: |case: &Case| at_once([
        ("typed", "), Ctrl-C again to quit"),
        ("SIGTERM", "), Ctrl-C to quit"),
        ("requested", "), Ctrl-C to quit"),
        ("a child is requested", ")"),
        ("never", ")"),
        ("raw", ")"),
    ], |(variant, end)| {
        let terminal = Terminal::new(100, 20);
        let child = terminal.case(&case.variant(variant)).ready();
        match variant {
            "typed" => terminal.press(CTRL_C),
            "SIGTERM" | "never" | "raw" => child.kill(SIGTERM),
            _ => {}
        }
        child.expect("a hook hangs");
        terminal.until_line("waiting for hangs (");
        until("the line is complete", || terminal.cursor() == Some((1, 0)));
        let line = &terminal.lines()[0];
        assert!(line.ends_with(end) && !line.ends_with(&format!("){end}")), "{variant}: {line}");
        if end.contains("to quit") {
            terminal.press(CTRL_C);
            child.dies_by(SIGINT);
        }
    }), || {
        let variant = variant().unwrap();
        let signals = Signals::default();
        let is_never = variant == "never";
        let signals = if is_never { signals.forced_exit(ForcedExit::Never) } else { signals };
        let shutdown = signals.listen(Blocking).unwrap();
        let child = shutdown.child();
        let is_child = variant == "a child is requested";
        if variant == "raw" {
            set_raw(true);
        }
        let _guard = hanging().exit_on(if is_child { child.clone() } else { shutdown.clone() }).start().unwrap();
        say("ready");
        let _ = is_child && child.request("enough");
        let _ = variant == "requested" && shutdown.request("enough");
        system::pause();
    };

    an_observer_that_shows_progress_replaces_the_line: |case| {
        let child = case.ready();
        child.kill(SIGTERM);
        child.expect("two ticks");
        child.exits_with(0); // and nothing is on standard error
    }, || {
        struct Shows;
        impl Observer for Shows {
            fn on_event(&mut self, _: &Event) {}
            fn shows_progress(&self) -> bool {
                true
            }
        }
        let (observer, ticks) = common::ticks();
        let hooks = Hooks::new().budget(2 * BOUND).observe(Shows).observe(observer);
        let hooks = hooks.blocking("waits", move || {
            (0..2).for_each(|_| ticks.recv().unwrap()); // a second each
            say("two ticks");
        });
        let _guard = hooks.exit_on(ShutdownSignal::listen(Blocking).unwrap()).start().unwrap();
        say("ready");
        system::pause();
    };

    // The line of the shell stays, and Ctrl-C is for another job.
    #[cfg(target_os = "linux")]
    a_background_job_says_so_after_the_line_of_the_shell: |case| {
        let terminal = Terminal::new(100, 20);
        terminal.stop_background_output();
        let Some(child) = terminal.case(case).start_as_job() else { return };
        child.expect("ready");
        terminal.press("half a command ");
        terminal.until_line("half a command");
        child.kill(SIGTERM);
        child.expect("a hook hangs");
        terminal.until_line("half a command waiting for hangs (");
        assert!(!terminal.written().contains("Ctrl-C"), "{}", terminal.written());
        drop(child);
    }, || {
        let _guard = hanging().exit_on(ShutdownSignal::listen(Blocking).unwrap()).start().unwrap();
        say("ready");
        system::pause();
    };
}

// The code that the page shows to copy.
include!("terminal/prompt.rs");

#[test]
fn the_page_shows_the_code() {
    let (page, code) = (include_str!("../docs/terminal.md"), include_str!("terminal/prompt.rs"));
    assert!(page.contains(code), "the page shows something else");
}

cases! {
    a_prompt_ends: |case: &Case| at_once([("Ctrl-C", CTRL_C), ("end of input", "\x04")], |(variant, key)| {
        let terminal = Terminal::new(100, 20);
        let child = terminal.case(&case.variant(variant)).ready();
        terminal.press("@hello\n"); // as a child says something
        child.expect("hello");
        terminal.press(key);
        child.expect("history");
        child.exits_with(0);
    }), || {
        let shutdown = ShutdownSignal::listen(Blocking).unwrap();
        let hooks = Hooks::new().budget(2 * BOUND).blocking("history", || say("history"));
        let exit_on = hooks.exit_on(shutdown.clone());
        say("ready");
        exit_on.run_blocking(|| talk(&lines(), &shutdown)).unwrap();
    };

    // As when `tee` ends first.
    println_panics_in_a_hook_and_writeln_does_not: |case| case.start().passes(), || {
        common::silence_panics();
        let (reader, writer) = UnixStream::pair().unwrap();
        drop(reader);
        let output = replace_stdout(&writer);
        let report = Hooks::new()
            .blocking("println", || println!("writing the cache"))
            .blocking("writeln", || _ = writeln!(io::stdout(), "writing the cache"))
            .run_blocking();
        replace_stdout(&output);
        let outcomes: Vec<_> = report.hooks().iter().map(HookReport::outcome).collect();
        assert!(matches!(outcomes[..], [Outcome::Panicked(_), Outcome::Done]), "{report}");
    };

    a_terminal_that_closes_is_a_request: |case| {
        let terminal = Terminal::unread(100, 20);
        let child = terminal.case(case).ready();
        drop(terminal);
        child.expect("cache");
        child.exits_with(0);
    }, || {
        let shutdown = Signals::default().with(Signal::Hangup).listen(Blocking).unwrap();
        let hooks = Hooks::new().budget(2 * BOUND).blocking("cache", || say("cache"));
        let _guard = hooks.exit_on(shutdown).start().unwrap();
        say("ready");
        system::pause();
    };

    // Ctrl-Z in the middle of a shutdown, for longer than the budget.
    #[cfg(target_os = "linux")]
    a_job_that_was_stopped_still_runs_its_hooks: |case| {
        let terminal = Terminal::new(100, 20);
        let script = r#""$@"; sleep 2; fg"#;
        let Some(child) = terminal.case(case).start_by_shell(script) else { return };
        child.expect("ready");
        terminal.press(CTRL_C);
        child.expect("a hook hangs");
        terminal.press(CTRL_Z);
        child.expect("database");
        child.exits_with(1);
        terminal.until_line("1 of 2 hooks done");
    }, || {
        let hooks = hanging().budget(2 * SECOND).then().hook("database", async || say("database"));
        let _guard = hooks.exit_on(ShutdownSignal::listen(Blocking).unwrap()).start().unwrap();
        say("ready");
        system::pause();
    };
}

/// Returns the standard output before.
fn replace_stdout(end: &impl AsFd) -> OwnedFd {
    let before = io::stdout().as_fd().try_clone_to_owned().unwrap();
    // SAFETY: both are open.
    assert_eq!(unsafe { libc::dup2(end.as_fd().as_raw_fd(), 1) }, 1);
    before
}

fn hanging() -> Hooks {
    Hooks::new().budget(2 * BOUND).hook("hangs", async || {
        say("a hook hangs");
        pending::<()>().await;
    })
}

fn hangs(signals: Signals) {
    let _guard = hanging().exit_on(begin(signals)).start().unwrap();
    system::pause();
}

/// Writes until a write would block.
fn fill_terminal() {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = std::fs::OpenOptions::new();
    let mut tty = options.write(true).custom_flags(libc::O_NONBLOCK).open("/dev/tty").unwrap();
    while tty.write(&[b'x'; 100]).is_ok() {}
    while tty.write(b"x").is_ok() {}
}
