//! The text of a report whose names, errors and times are anything.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use signoff::fuzzing::{Hook, Report};

#[derive(Debug, Arbitrary)]
struct Input {
    hooks: Vec<InputHook>,
    reason: Option<String>,
    budget: Duration,
    before: Duration,
    took: Duration,
}

#[derive(Debug, Arbitrary)]
struct InputHook {
    name: String,
    stage: usize,
    is_in_set: bool,
    outcome: u8,
    text: String,
    started: Duration,
    took: Duration,
}

fuzz_target!(|input: Input| {
    let hook = |InputHook { name, stage, is_in_set, outcome, text, started, took }| Hook {
        name,
        // Stages are numbered from 1, and a stage has at least one hook.
        stage: stage % 100 + 1,
        set: is_in_set.then_some(0),
        outcome,
        text,
        started: hours(started),
        took: hours(took),
    };
    let Input { hooks, reason, budget, before, took } = input;
    let hooks = hooks.into_iter().map(hook).collect();
    let report = Report { hooks, reason, budget, before: hours(before), took };

    let [plain, blocks, mut colored] = report.show();
    check(&plain);
    check(&blocks);
    // A large set is one row.
    let alone = report.hooks.iter().filter(|hook| hook.set.is_none());
    assert!(plain.lines().count() > alone.count(), "a hook has no row:\n{plain}");

    // Without the colors, a terminal shows the same.
    for color in ["\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[2m", "\x1b[0m"] {
        colored = colored.replace(color, "");
    }
    assert_eq!(colored, plain);
});

/// The column of the times has room for less than a thousand hours.
fn hours(duration: Duration) -> Duration {
    Duration::new(duration.as_secs() % (1_000 * 60 * 60), duration.subsec_nanos())
}

/// No row is longer than a terminal is wide, and nothing in it moves the cursor or reorders text.
fn check(shown: &str) {
    for row in shown.lines().skip(1) {
        assert!(Report::width(row) <= Report::WIDTH, "{row:?}");
    }
    let is_harmful = |c: char| {
        c != '\n' && c.is_control()
            || matches!(c, '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!shown.contains(is_harmful), "{shown:?}");
}
