//! Commands in groups of their own.
#![cfg(target_os = "linux")] // which processes are in a group

use std::thread;
use std::time::{Duration, Instant};
use std::{fs, process::Command};

use crate::recipe::{BOUND, Recipe};

const SUPERVISOR: &str = env!("CARGO_BIN_EXE_supervisor");
const PATIENT: &str = "60";

/// A pipeline whose first process says its group.
const PIPELINE: &str = "echo group $$; sleep 61 | cat";

#[test]
fn no_process_of_a_pipeline_is_left() {
    let recipe = Recipe::start(SUPERVISOR, &[PATIENT, PIPELINE]);
    let group = recipe.wait_for("group ");
    until_pipeline_runs(&group);
    recipe.signal("TERM");
    let ended = recipe.end();
    assert_eq!(ended.status.code(), Some(0), "{ended:#?}");
    until("none is left", || members(&group).is_empty());
}

#[test]
fn commands_that_do_not_stop_are_killed() {
    const STUBBORN: &str = "trap '' TERM; echo group $$; sleep 61 | cat";
    let recipe = Recipe::start(SUPERVISOR, &["1", STUBBORN]);
    let group = recipe.wait_for("group ");
    until_pipeline_runs(&group);
    recipe.signal("TERM");
    let ended = recipe.end();
    assert_eq!(ended.status.code(), Some(1), "{ended:#?}");
    assert!(ended.report.iter().any(|line| line.contains("killed: it did not stop")), "{ended:#?}");
    until("none is left", || members(&group).is_empty());
}

#[test]
fn signals_are_passed_on() {
    const RELOADS: &str = "trap 'echo hangup' HUP; trap 'echo interrupt; exit' INT; \
        echo group $$; while :; do sleep 0.1; done";
    let recipe = Recipe::start(SUPERVISOR, &[PATIENT, RELOADS]);
    let group = recipe.wait_for("group ");
    recipe.signal("HUP");
    recipe.wait_for("hangup");
    recipe.signal("INT");
    recipe.wait_for("interrupt");
    let ended = recipe.end();
    assert_eq!(ended.status.code(), Some(0), "{ended:#?}");
    until("none is left", || members(&group).is_empty());
}

/// The others are stopped, and the exit status says that something is wrong.
#[test]
fn a_command_that_ends_ends_all() {
    const OTHER: &str = "read line; exit 3";
    let arguments = [PATIENT, PIPELINE, OTHER];
    let (recipe, input) = Recipe::run_with_input(Command::new(SUPERVISOR).args(arguments));
    let group = recipe.wait_for("group ");
    until_pipeline_runs(&group);
    drop(input);
    let ended = recipe.end();
    assert_eq!(ended.status.code(), Some(1), "{ended:#?}");
    let why = format!("request: {OTHER}: exit status: 3");
    assert!(ended.report.iter().any(|line| line.contains(&why)), "{ended:#?}");
    until("none is left", || members(&group).is_empty());
}

#[track_caller]
fn until(what: &str, so: impl Fn() -> bool) {
    let start = Instant::now();
    while !so() {
        assert!(start.elapsed() < BOUND, "not so in time: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Not earlier: until then, the processes have the traps of their shell.
#[track_caller]
fn until_pipeline_runs(group: &str) {
    until("sleep and cat run", || members(group) == ["cat", "sh", "sleep"]);
}

/// The names of the processes of a group that run. A zombie does not, if no process waits for orphans.
fn members(group: &str) -> Vec<String> {
    let entries = fs::read_dir("/proc").expect("proc");
    let stats =
        entries.filter_map(|entry| fs::read_to_string(entry.ok()?.path().join("stat")).ok());
    let name = |stat: String| {
        let (name, rest) = stat.rsplit_once(") ")?;
        let fields: Vec<_> = rest.split(' ').collect();
        (fields[2] == group && fields[0] != "Z")
            .then(|| name.rsplit('(').next().unwrap_or(name).into())
    };
    let mut names: Vec<_> = stats.filter_map(name).collect();
    names.sort();
    names
}
