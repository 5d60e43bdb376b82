//! A command that stores its progress.

use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::{env, fs, process};

use crate::recipe::{Ended, Recipe};

const COMMAND: &str = env!("CARGO_BIN_EXE_command_line");

#[test]
fn ctrl_c_stores_the_progress() {
    let file = Progress::new("interrupted");
    let (first, ended) = interrupted(&file);
    assert_eq!(first, 2);
    let stored = file.next();
    let (second, _) = interrupted(&file);
    assert_eq!(second, stored, "it continues");
    assert!(file.next() >= second);

    // As a shell sees a command that Ctrl-C has ended.
    assert_eq!(ended.status.signal(), Some(2), "{ended:#?}");
    ended.assert_quiet();
}

#[test]
fn without_a_signal_it_finishes() {
    let file = Progress::new("finished");
    let ended = Recipe::start(COMMAND, &["1000", file.path()]).end();
    assert_eq!(ended.status.code(), Some(0), "{ended:#?}");
    assert_eq!(ended.lines[1..], ["the sum is 76127"]);
    assert!(ended.report.is_empty(), "{ended:#?}");
}

/// Its sum would be too large.
#[test]
fn progress_beyond_the_end_is_refused() {
    let file = Progress::new("longer");
    fs::write(file.path(), "1001 76127\n").expect("a file");
    let ended = Recipe::start(COMMAND, &["1000", file.path()]).end();
    assert_eq!(ended.status.code(), Some(1), "{ended:#?}");
    assert!(ended.lines.is_empty(), "{ended:#?}");
}

/// Interrupts a computation that takes minutes; returns where it began.
fn interrupted(file: &Progress) -> (u64, Ended) {
    let recipe = Recipe::start(COMMAND, &["100000000", file.path()]);
    let line = recipe.wait_for("adding the primes from ");
    recipe.signal("INT");
    let first = line.split(' ').next().unwrap_or_default().parse().expect("a number");
    (first, recipe.end())
}

struct Progress(PathBuf);

impl Progress {
    fn new(name: &str) -> Self {
        Self(env::temp_dir().join(format!("signoff-recipe-{}-{name}.txt", process::id())))
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("a path")
    }

    fn next(&self) -> u64 {
        let text = fs::read_to_string(&self.0).expect("it was stored");
        text.split(' ').next().unwrap_or_default().parse().expect("a number")
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0); // there may be none
    }
}
