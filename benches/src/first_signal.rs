//! The first and only signal of a fresh process: what a shutdown is.

use std::io::{BufRead, BufReader};
use std::process::{Child as Process, Command, Stdio};
use std::time::Duration;

use crate::machine::{self, now};
use crate::stats::{Shuffle, median, ratio, short, table};
use crate::waiters::{CONTENDERS, Child};

/// Fresh processes for each contender in each placement.
const ROUNDS: usize = 60;

pub fn child(contender: &str) {
    let (_, run) = CONTENDERS.iter().find(|(name, _)| *name == contender).expect("a contender");
    run(Child);
}

#[derive(Clone, Copy)]
pub struct Placement {
    name: &'static str,
    sender: Option<usize>,
    receiver: Option<usize>,
}

const PLACEMENTS: [Placement; 3] = [
    Placement { name: "one core", sender: Some(0), receiver: Some(0) },
    Placement { name: "two cores", sender: Some(0), receiver: Some(1) },
    Placement { name: "free", sender: None, receiver: None },
];

pub fn print() {
    let mut times = vec![[const { Vec::new() }; PLACEMENTS.len()]; CONTENDERS.len()];
    let mut shuffle = Shuffle::new();
    for _ in 0..ROUNDS {
        for contender in shuffle.order(CONTENDERS.len()) {
            for (column, placement) in PLACEMENTS.iter().enumerate() {
                if let Some(time) = measure(CONTENDERS[contender].0, *placement) {
                    times[contender][column].push(time);
                }
            }
        }
    }
    machine::unpin();
    let medians: Vec<[f64; 3]> =
        times.iter_mut().map(|columns| columns.each_mut().map(|times| median(times))).collect();
    let rows: Vec<Vec<String>> = CONTENDERS
        .iter()
        .zip(&medians)
        .map(|((name, _), row)| {
            let cells = row.iter().zip(&medians[0]);
            let cells = cells.flat_map(|(time, base)| [short(*time), ratio(*time, *base)]);
            std::iter::once((*name).to_owned()).chain(cells).collect()
        })
        .collect();
    let head: Vec<String> = std::iter::once("first signal → waiting code, µs".to_owned())
        .chain(PLACEMENTS.iter().flat_map(|p| [p.name.to_owned(), "over sigwait".to_owned()]))
        .collect();
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    table("First signal of a fresh process", &head, &rows);
}

/// Microseconds from the signal to the code that waited.
fn measure(contender: &str, placement: Placement) -> Option<f64> {
    place(placement.receiver); // inherited
    let mut process = start("first-signal", contender);
    place(placement.sender);
    let mut lines = BufReader::new(process.stdout.take()?).lines();
    let caught = lines.next()?.ok()?.ends_with('1');
    let time = if caught {
        while !machine::sleeps(process.id()) {
            std::thread::sleep(Duration::from_micros(500));
        }
        std::thread::sleep(Duration::from_millis(4)); // idle, as a real one is
        let sent = now();
        machine::kill(process.id(), libc::SIGTERM);
        let woke: u64 = lines.next()?.ok()?.parse().ok()?;
        Some((woke - sent) as f64 / 1000.0)
    } else {
        None
    };
    let _ = process.kill();
    let _ = process.wait();
    time
}

fn place(cpu: Option<usize>) {
    match cpu {
        Some(cpu) => machine::pin(cpu),
        None => machine::unpin(),
    }
}

pub fn start(part: &str, contender: &str) -> Process {
    Command::new("/proc/self/exe")
        .args(["child", part, contender])
        .stdout(Stdio::piped())
        .stdin(Stdio::null())
        .spawn()
        .expect("a child")
}
