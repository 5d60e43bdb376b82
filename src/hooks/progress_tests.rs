//! What `close` leaves of hooks that run or wait.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::event::Event;
use super::progress::Progress;
use super::request::Request;
use crate::{HookSet, Hooks};

#[test]
fn nothing_starts_or_changes_after_the_report() {
    let hooks = Hooks::new().hook("runs", async || {}).hook("waits", async || {});
    let hooks = hooks.then().include(&HookSet::new()).then().hook("later", async || {});
    let progress = Progress::new(hooks, Request::now());
    assert!(progress.open_stage().is_some());
    assert!(progress.start(0, Instant::now(), None, None).is_some());
    assert!(progress.start(0, Instant::now(), None, None).is_none(), "once");
    let report = progress.close().report;
    let outcomes: Vec<_> = report.hooks().iter().map(|hook| hook.outcome().label()).collect();
    assert_eq!(outcomes, ["abandoned", "not started", "not started"]);
    assert_eq!(report.hooks()[2].stage(), 2, "an empty set is no stage");
    assert!(progress.start(1, Instant::now(), None, None).is_none());
}

#[test]
fn observers_hear_of_hooks_that_run_or_wait_at_the_end() {
    let (sender, heard) = mpsc::channel();
    let hooks = Hooks::new().hook("blocks", async || {}).then().hook("waits", async || {});
    let hooks = hooks.observe(move |event: &Event| {
        let _ = sender.send(match event {
            Event::HookEnded(hook) => format!("{} {}", hook.name(), hook.outcome()),
            Event::Ended(report) => format!("{} hooks", report.hooks().len()),
            _ => return,
        });
    });
    let progress = Progress::new(hooks, Request::now());
    progress.announce_start();
    assert!(progress.open_stage().is_some());
    assert!(progress.start(0, Instant::now(), None, None).is_some());
    progress.close().observers.finish(Duration::from_secs(30));
    assert!(heard.iter().eq(["blocks abandoned", "waits not started", "2 hooks"]));
}
