//! Instructions for each operation: steadier than times, the same on a busy machine.

use std::process::Command;

use crate::operations::{TITLES, contenders};
use crate::stats::{short, table};

/// The difference between the two is the operation alone.
const CALLS: [u32; 2] = [5_000, 15_000];

pub fn print() {
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("Instructions are not counted: there is no valgrind.\n");
        return;
    }
    let row = |contender: &str| {
        let counts = TITLES.map(|operation| short(count(contender, operation)));
        std::iter::once(contender.to_owned()).chain(counts).collect()
    };
    let rows: Vec<Vec<String>> = contenders().into_iter().map(row).collect();
    let head: Vec<&str> = std::iter::once("instructions, one thread").chain(TITLES).collect();
    table("Instructions for each operation", &head, &rows);
}

fn count(contender: &str, operation: &str) -> f64 {
    let [few, many] = CALLS.map(|calls| total(contender, operation, calls));
    match (few, many) {
        (Some(few), Some(many)) if many > few => (many - few) / f64::from(CALLS[1] - CALLS[0]),
        _ => f64::NAN,
    }
}

/// Of a whole process.
fn total(contender: &str, operation: &str, calls: u32) -> Option<f64> {
    let program = std::env::current_exe().ok()?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(["child", "operation", contender, operation, &calls.to_string()])
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    text.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok())
}
