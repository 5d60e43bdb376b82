//! A service with systemd, tracing and progress at once, in front of a terminal.
#![cfg(target_os = "linux")]

mod common;
#[path = "common/manager.rs"]
mod manager;
#[path = "common/terminal.rs"]
mod terminal;

use std::process;

use common::{BOUND, cases, say};
use libc::{SIGTERM, SIGUSR1};
use manager::Manager;
use signoff::{Blocking, Hooks, InFlight, ShutdownSignal, Signal, Signals, progress, systemd};
use terminal::Terminal;

/// The terminal at the end: what the program has printed and logged, then the report.
fn assert_shown(lines: &[String], from: &str) {
    const LOGGED: [&str; 7] = [
        "shutdown started ",
        "hook started hook=\"cache\" stage=1",
        "written",
        "hook ended hook=\"cache\" stage=1 outcome=\"done\"",
        "hook started hook=\"queue\" stage=2",
        "hook ended hook=\"queue\" stage=2 outcome=\"done\"",
        "shutdown ended clean=true",
    ];
    let (first, rest) = lines.split_first().unwrap();
    let (logged, report) = rest.split_at(LOGGED.len());
    assert_eq!(first, "serving");
    for (line, text) in logged.iter().zip(LOGGED) {
        let (span, event) = line.split_once("\"}: ").unwrap_or_else(|| panic!("{lines:#?}"));
        assert!(span.starts_with(&format!(" INFO shutdown{{reason=\"{from}")), "{lines:#?}");
        assert!(event.starts_with(text), "{lines:#?}");
    }
    assert!(report[0].contains(&format!(", requested by {from}")), "{lines:#?}");
    assert!(report[1..].iter().all(|line| line.contains("│")), "{lines:#?}");
}

cases! {
    every_message_arrives_in_order: |case| {
        let (manager, terminal) = (Manager::with_path("all"), Terminal::new(200, 30));
        let child = manager.case(&terminal.case(case)).ready();
        manager.expect("READY=1");

        child.kill(SIGTERM);
        let from = format!("SIGTERM from pid {} (uid ", process::id());
        let stopping = manager.message();
        assert!(stopping.starts_with(&format!("STOPPING=1\nSTATUS=stopping: {from}")), "{stopping}");
        manager.expect("STATUS=waiting for cache");
        manager.expect("STATUS=waiting for queue");
        let running = manager.message();
        assert!(running.starts_with("STATUS=waiting for queue ("), "{running}");
        terminal.until_line(&format!("stopping: {from}"));
        terminal.until_line("queue  │");

        child.kill(SIGUSR1);
        child.expect("the job has ended");
        child.exits_with(0);
        let mut last = manager.message();
        while last.starts_with("STATUS=waiting for queue (") {
            last = manager.message();
        }
        assert!(last.starts_with("STATUS=2 of 2 hooks done in "), "{last}");
        manager.expect_nothing();
        terminal.until_line("2  queue");
        assert_shown(&terminal.lines(), &from);
    }, || {
        let log = tracing_subscriber::fmt().with_writer(progress::stderr).with_ansi(false);
        log.with_target(false).without_time().init();
        let shutdown = ShutdownSignal::listen(Blocking).unwrap();
        let mut user = Signals::new([Signal::from_raw(SIGUSR1)]).stream(Blocking).unwrap();
        let jobs = InFlight::new();
        let (drained, job) = (jobs.drained(), jobs.enter("job 7"));
        let guard = Hooks::new()
            .budget(2 * BOUND)
            .hook("cache", async || tracing::info!("written"))
            .then()
            .hook("queue", || drained)
            .observe(systemd::observer())
            .observe(progress::observer())
            .exit_on(shutdown.clone())
            .on_report(|report| report.eprint())
            .start()
            .unwrap();
        systemd::ready();
        eprintln!("serving");
        say("ready");
        user.wait();
        say("the job has ended");
        drop(job);
        guard.join();
    };
}
