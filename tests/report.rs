//! A report returned from `main`.
#![allow(unsafe_code, reason = "standard error is closed, and replaced by a pipe")]

mod common;

use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd};
use std::process::{ExitCode, Termination};
use std::time::{Duration, Instant};
use std::{fs, ptr::null_mut, str};

use common::{BOUND, cases, say};
use signoff::{Hooks, Report};

fn report(fails: bool) -> Report {
    let outcome = move || if fails { Err("refused") } else { Ok(()) };
    Hooks::new().hook("cache", async move || outcome()).run_blocking()
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
    assert!(lines[1].starts_with("1  cache  |=  "), "{shown}");
    assert!(lines[1].contains("|  failed  "), "{shown}");
    assert_eq!(lines[2], "          | refused", "{shown}");
}

/// In place of standard error.
fn replace_stderr(end: &impl AsRawFd) {
    // SAFETY: both are open.
    assert_eq!(unsafe { libc::dup2(end.as_raw_fd(), 2) }, 2);
}

/// The two ends of a terminal; the program has the second.
fn terminal() -> (fs::File, fs::File) {
    let (mut ours, mut its) = (-1, -1);
    // SAFETY: it writes the two descriptors, and nobody else owns those.
    unsafe {
        assert_eq!(
            libc::openpty(&raw mut ours, &raw mut its, null_mut(), null_mut(), null_mut()),
            0
        );
        (fs::File::from_raw_fd(ours), fs::File::from_raw_fd(its))
    }
}

cases! {
    main_prints_it: |case| case.start().passes(), || {
        let path = std::env::temp_dir().join(format!("signoff-report-{}", std::process::id()));
        replace_stderr(&fs::File::create(&path).unwrap());
        let code = report(true).report();
        let printed = fs::read_to_string(&path).unwrap();
        fs::remove_file(path).unwrap();
        assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::FAILURE));
        assert!(printed.starts_with("0 of 1 hooks done") && printed.ends_with("| refused\n"), "{printed}");
    };

    on_a_terminal_it_begins_on_the_left: |case| case.start().passes(), || {
        let (mut ours, mut its) = terminal();
        its.write_all(b"^C").unwrap();
        replace_stderr(&its);
        report(true).eprint();
        its.write_all(b"end\n").unwrap();
        let mut shown = String::new();
        while !shown.contains("end") {
            let mut some = [0; 1024];
            let read = ours.read(&mut some).unwrap();
            shown.push_str(str::from_utf8(&some[..read]).unwrap());
        }
        assert!(shown.starts_with("^C\r0 of 1 hooks done"), "{shown:?}");
        assert!(shown.ends_with("| refused\r\nend\r\n"), "{shown:?}");
    };

    a_closed_standard_error_does_no_harm: |case| case.start().passes(), || {
        let (reader, writer) = std::os::unix::net::UnixStream::pair().unwrap();
        drop(reader);
        replace_stderr(&writer);
        let code = report(false).report();
        assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::SUCCESS));
    };

    a_standard_error_that_nobody_reads_does_no_harm: |case| {
        let child = case.start();
        child.expect("in time");
        child.passes();
    }, || {
        let (_reader, mut writer) = std::os::unix::net::UnixStream::pair().unwrap();
        writer.set_nonblocking(true).unwrap();
        while writer.write(&[0; 4096]).is_ok() {}
        writer.set_nonblocking(false).unwrap();
        replace_stderr(&writer);
        let start = Instant::now();
        let _ = report(false).report();
        assert!(start.elapsed() < BOUND && start.elapsed() >= Duration::from_millis(500));
        say("in time");
    };
}
