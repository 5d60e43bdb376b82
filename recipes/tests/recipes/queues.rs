//! Consumers of a queue that is never empty.

use std::collections::BTreeSet;

use crate::recipe::{Ended, Recipe};

/// A job is done or given back: none is lost, and none is both.
#[test]
fn queue_consumer() {
    let (mut done, ended) = interrupted(env!("CARGO_BIN_EXE_queue_consumer"));
    let given_back = numbers(&ended, "given back: job ");
    assert!(!given_back.is_empty(), "{ended:#?}");
    done.extend(numbers(&ended, "done: job "));
    let (given_back_len, done_len) = (given_back.len(), done.len());
    let all: BTreeSet<_> = done.into_iter().chain(given_back).collect();
    assert_eq!(all.len(), given_back_len + done_len, "a job was done twice");
    assert!(all.into_iter().eq(1..=given_back_len + done_len), "a job was lost");
}

#[test]
fn crossbeam() {
    let (mut done, ended) = interrupted(env!("CARGO_BIN_EXE_crossbeam"));
    let accepted = ended.number_of("jobs were accepted");
    done.extend(numbers(&ended, "done: job "));
    done.sort_unstable();
    assert!(done.into_iter().eq(1..=accepted), "a job was lost: {accepted} were accepted");
}

/// Sends SIGTERM while it works; returns the jobs that were done before.
#[track_caller]
fn interrupted(path: &str) -> (Vec<usize>, Ended) {
    let recipe = Recipe::start(path, &[]);
    let done = (0..100).map(|_| recipe.wait_for("done: job ").parse().expect("a number"));
    let done = done.collect();
    recipe.signal("TERM");
    let ended = recipe.end();
    ended.assert_clean();
    (done, ended)
}

fn numbers(ended: &Ended, start: &str) -> Vec<usize> {
    let numbers = ended.lines.iter().filter_map(|line| line.strip_prefix(start));
    numbers.map(|number| number.parse().expect("a number")).collect()
}
