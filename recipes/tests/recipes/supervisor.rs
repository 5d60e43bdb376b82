//! Commands in groups of their own.

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
    until("sh, sleep and cat run", || members(&group) == 3);
    recipe.signal("TERM");
    recipe.end().assert_clean(&[PIPELINE]);
    until("none is left", || members(&group) == 0);
}

#[test]
fn commands_that_do_not_stop_are_killed() {
    const STUBBORN: &str = "trap '' TERM; echo group $$; sleep 61 | cat";
    let recipe = Recipe::start(SUPERVISOR, &["1", STUBBORN]);
    let group = recipe.wait_for("group ");
    until("sh, sleep and cat run", || members(&group) == 3);
    recipe.signal("TERM");
    let ended = recipe.end();
    assert_eq!(ended.status.code(), Some(1), "{ended:#?}");
    assert!(ended.report.iter().any(|line| line.contains("killed: it did not stop")), "{ended:#?}");
    until("none is left", || members(&group) == 0);
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
    until("none is left", || members(&group) == 0);
}

/// The others are stopped, and the exit status says that something is wrong.
#[test]
fn a_command_that_ends_ends_all() {
    let recipe = Recipe::start(SUPERVISOR, &[PATIENT, PIPELINE, "read line < /dev/null"]);
    let group = recipe.wait_for("group ");
    let ended = recipe.end();
    assert_eq!(ended.status.code(), Some(1), "{ended:#?}");
    let why = "request: read line < /dev/null: exit status: 1";
    assert!(ended.report[0].contains(why), "{ended:#?}");
    until("none is left", || members(&group) == 0);
}

#[track_caller]
fn until(what: &str, so: impl Fn() -> bool) {
    let start = Instant::now();
    while !so() {
        assert!(start.elapsed() < BOUND, "not so in time: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// How many processes of a group run. A zombie does not, if no process waits for orphans.
fn members(group: &str) -> usize {
    if !fs::exists("/proc/self").unwrap_or(false) {
        let output = Command::new("pgrep").args(["-g", group]).output().expect("pgrep");
        return output.stdout.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).count();
    }
    let entries = fs::read_dir("/proc").expect("proc");
    let stats =
        entries.filter_map(|entry| fs::read_to_string(entry.ok()?.path().join("stat")).ok());
    let is_member = |stat: &String| {
        let (_, rest) = stat.rsplit_once(") ").expect("a name");
        let fields: Vec<_> = rest.split(' ').collect();
        fields[2] == group && fields[0] != "Z"
    };
    stats.filter(is_member).count()
}
