//! The report: its exit code, and what it prints on a file, a terminal and a closed pipe.
#![cfg(unix)]
#![allow(unsafe_code, reason = "standard error is replaced, and the environment changed")]

mod common;
#[path = "common/terminal.rs"]
mod terminal;

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::process::{ExitCode, Termination};
use std::time::{Duration, Instant};
use std::{env, fs, iter, thread};

use common::{BOUND, cases, say, system, until, variant};
use futures_lite::future::block_on;
use libc::SIGTERM;
use signoff::{Hooks, Report, ShutdownSignal};
use terminal::Terminal;

/// Its bar is the shortest one, and no row says that the hook started late, on any machine.
fn report(fails: bool) -> Report {
    let outcome = move || if fails { Err("refused") } else { Ok(()) };
    let hooks = || Hooks::new().budget(100 * BOUND).hook("cache", async move || outcome());
    let mut reports = iter::repeat_with(|| hooks().run_blocking());
    let is_prompt = |report: &Report| report.before_hooks() < Duration::from_millis(1);
    reports.find(is_prompt).expect("they do not end")
}

#[test]
fn the_exit_code_says_whether_all_is_done() {
    let shown = |code: ExitCode| format!("{code:?}");
    assert_eq!(shown(report(false).exit_code()), shown(ExitCode::SUCCESS));
    assert_eq!(shown(report(true).exit_code()), shown(ExitCode::FAILURE));
    assert!(report(false).is_clean() && !report(true).is_clean());
}

#[test]
fn the_timeline_has_a_line_for_each_hook() {
    let shown = report(true).to_string();
    let lines: Vec<_> = shown.lines().collect();
    assert!(lines[0].starts_with("0 of 1 hooks done in "), "{shown}");
    assert!(lines[1].starts_with("1  cache  |.  "), "{shown}");
    assert!(lines[1].contains("|  failed  "), "{shown}");
    assert_eq!(lines[2], "          | refused", "{shown}");
}

#[test]
fn the_time_before_the_hooks_has_a_row() {
    const BEFORE: Duration = Duration::from_millis(30);
    let shutdown = ShutdownSignal::manual();
    shutdown.request("enough");
    thread::sleep(BEFORE);
    let report = block_on(Hooks::new().hook("cache", async || {}).run_on(shutdown));
    assert!(report.before_hooks() >= BEFORE && report.took() >= report.before_hooks());
    assert!(report.hooks()[0].started() >= report.before_hooks());
    let shown = report.to_string();
    let lines: Vec<_> = shown.lines().collect();
    assert!(lines[0].ends_with(", request: enough"), "{shown}");
    assert!(lines[1].starts_with("   before hooks  |"), "{shown}");
    assert!(lines[2].starts_with("1  cache         |"), "{shown}");
}

#[test]
fn a_time_has_the_unit_that_fits_it() {
    const THOUSAND_YEARS: u64 = 1_000 * 365 * 24 * 60 * 60 * 1_000;
    for (milliseconds, shown) in [
        (0, " of 0 ms"),
        (949, " of 949 ms"),
        (950, " of 1.0 s"), // rounded
        (1_000, " of 1.0 s"),
        (5_180, " of 5.2 s"),
        (59_949, " of 59.9 s"),
        (59_950, " of 1m 00s"),
        (90_000, " of 1m 30s"),
        (3_599_949, " of 59m 59s"),
        (3_599_950, " of 1h 00m"),
        (97_500_000, " of 27h 05m"),
        (THOUSAND_YEARS, " of 8760000h 00m"),
        (THOUSAND_YEARS + 1_000, ", without a limit"),
    ] {
        let report = Hooks::new().budget(Duration::from_millis(milliseconds)).run_blocking();
        assert!(report.to_string().ends_with(shown), "{report}, expected {shown}");
    }
}

/// Even if another request came first.
#[test]
fn a_failure_of_the_program_is_in_the_report() {
    let shutdown = ShutdownSignal::manual();
    shutdown.request("enough");
    shutdown.fail("the listener is broken");
    let report = block_on(Hooks::new().hook("cache", async || {}).run_on(shutdown));
    assert!(report.hooks()[0].outcome().is_done());
    assert!(report.is_failure() && !report.is_clean());
    assert_eq!(format!("{:?}", report.exit_code()), format!("{:?}", ExitCode::FAILURE));
    assert_eq!(report.failure(), Some("the listener is broken"));
    let summary = ", request: enough, marked as a failure: the listener is broken\n";
    assert!(report.to_string().contains(summary), "{report}");
}

/// Replaces standard error.
fn replace_stderr(end: &impl AsRawFd) {
    // SAFETY: both are open.
    assert_eq!(unsafe { libc::dup2(end.as_raw_fd(), 2) }, 2);
}

/// Prints a report on a terminal after `^C`, and returns all that the terminal got.
fn on_a_terminal(vars: &[(&str, &str)]) -> String {
    for name in ["TERM", "NO_COLOR", "LC_ALL", "LC_CTYPE", "LANG"] {
        // SAFETY: no other thread of this process uses the environment.
        unsafe { env::remove_var(name) };
    }
    for (name, value) in vars {
        // SAFETY: as above.
        unsafe { env::set_var(name, value) };
    }
    let (mut ours, its) = system::open_terminal();
    let mut its = fs::File::from(its);
    its.write_all(b"^C").unwrap();
    let before = io::stderr().as_fd().try_clone_to_owned().unwrap();
    replace_stderr(&its);
    report(true).eprint();
    let mut shown = Vec::new();
    let mut read_until = |end: &[u8]| {
        while !shown.ends_with(end) {
            let mut some = [0; 1024];
            let read = ours.read(&mut some).unwrap();
            shown.extend_from_slice(&some[..read]);
        }
    };
    read_until(b"refused\r\r\n"); // on a busy machine, `eprint` returns earlier
    its.write_all(b"end\n").unwrap();
    read_until(b"end\r\n");
    replace_stderr(&before); // else nobody sees a panic
    String::from_utf8(shown).unwrap()
}

const TERM: (&str, &str) = ("TERM", "xterm");
const UTF8: (&str, &str) = ("LC_ALL", "C.UTF-8");

cases! {
    main_prints_it: |case| case.start().passes(), || {
        let path = env::temp_dir().join(format!("signoff-report-{}", std::process::id()));
        replace_stderr(&fs::File::create(&path).unwrap());
        let code = report(true).report();
        let printed = || fs::read_to_string(&path).unwrap();
        until("it is printed", || printed().ends_with("| refused\n")); // `report` may return earlier
        let printed = printed();
        fs::remove_file(path).unwrap();
        assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::FAILURE));
        assert!(printed.starts_with("0 of 1 hooks done"), "{printed}");
        assert!(printed.is_ascii() && !printed.contains('\x1b'), "{printed:?}");
    };

    a_terminal_gets_colors_and_blocks: |case| case.start().passes(), || {
        let shown = on_a_terminal(&[TERM, UTF8]);
        assert!(shown.starts_with("^C\r\x1b[31m0 of 1 hooks done\x1b[0m in "), "{shown:?}");
        assert!(shown.contains("\n1  cache  \x1b[2m│\x1b[0m\x1b[31m▏  "), "{shown:?}");
        assert!(shown.ends_with("\x1b[2m│\x1b[0m refused\r\r\nend\r\n"), "{shown:?}");
    };

    no_color_is_respected: |case| case.start().passes(), || {
        let shown = on_a_terminal(&[TERM, UTF8, ("NO_COLOR", "1")]);
        assert!(shown.contains("│▏  ") && !shown.contains('\x1b'), "{shown:?}");
    };

    a_locale_without_utf8_gets_ascii: |case| case.start().passes(), || {
        let shown = on_a_terminal(&[TERM, ("LANG", "C")]);
        assert!(shown.is_ascii() && shown.contains("\x1b[31m.  "), "{shown:?}");
    };

    a_dumb_terminal_gets_plain_text: |case| case.start().passes(), || {
        let shown = on_a_terminal(&[("TERM", "dumb"), UTF8]);
        assert!(shown.starts_with("^C\r0 of 1 hooks done"), "{shown:?}");
        assert!(shown.contains("1  cache  |.  "), "{shown:?}");
        assert!(shown.ends_with("| refused\r\r\nend\r\n"), "{shown:?}");
    };

    each_variable_has_its_meaning: |case| case.start().passes(), || {
        let german = ("LC_CTYPE", "de_DE.ISO-8859-1");
        for (vars, has_colors, has_blocks) in [
            (&[TERM][..], true, false),
            (&[TERM, ("LANG", "en_US.utf8")], true, true),
            (&[TERM, ("LANG", "en_US.UTF-8"), german], true, false),
            (&[TERM, ("LANG", "en_US.UTF-8"), german, UTF8], true, true),
            (&[TERM, ("LANG", "en_US.UTF-8"), ("LC_ALL", "")], true, true),
            (&[TERM, ("LANG", "en_US.UTF-8"), ("LC_ALL", "C")], true, false),
            (&[TERM, UTF8, ("NO_COLOR", "")], true, true),
            (&[UTF8], false, false),
        ] {
            let shown = on_a_terminal(vars);
            assert_eq!((shown.contains('\x1b'), shown.contains('│')), (has_colors, has_blocks), "{vars:?}");
        }
    };

    a_closed_standard_error_does_no_harm: |case| case.start().passes(), || {
        let (reader, writer) = UnixStream::pair().unwrap();
        drop(reader);
        replace_stderr(&writer);
        let code = report(false).report();
        assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::SUCCESS));
    };

    #[cfg(target_os = "linux")]
    a_background_job_is_not_stopped: |case| {
        let terminal = Terminal::new(100, 20);
        terminal.stop_background_output();
        let Some(child) = terminal.case(case).start_as_job() else { return };
        child.expect("printed");
        terminal.until_line("0 of 1 hooks done");
        child.kill(SIGTERM);
        child.exits_with(128 + SIGTERM);
    }, || {
        report(true).eprint();
        say("printed");
        system::pause();
    };

    only_a_report_that_is_not_clean_is_printed: |case| case.start().passes(), || {
        let (mut reader, writer) = UnixStream::pair().unwrap();
        replace_stderr(&writer);
        report(false).eprint_if_failed();
        report(true).eprint_if_failed();
        let mut printed = [0; 16];
        reader.read_exact(&mut printed).unwrap();
        assert_eq!(&printed, b"0 of 1 hooks don", "the first one is clean");
    };

    a_full_pipe_does_no_harm: |case| {
        for variant in ["threads", "no threads"] {
            if variant == "threads" || cfg!(target_os = "linux") {
                let child = case.variant(variant).start();
                child.expect("in time");
                child.passes();
            }
        }
    }, || {
        let (_reader, mut writer) = UnixStream::pair().unwrap();
        writer.set_nonblocking(true).unwrap();
        while writer.write(&[0; 4096]).is_ok() {}
        writer.set_nonblocking(false).unwrap();
        replace_stderr(&writer);
        let report = report(false);
        if variant().as_deref() == Some("no threads") {
            system::refuse_threads();
        }
        let start = Instant::now();
        let _ = report.report();
        assert!(start.elapsed() < BOUND && start.elapsed() >= Duration::from_millis(500));
        say("in time");
    };
}
