//! From asking a library until SIGTERM no longer kills, in a fresh process with its runtime up.

use std::io::{BufRead, BufReader};

use crate::first_signal::{self, start};
use crate::stats::{Shuffle, median, ratio, short, table};
use crate::waiters::CONTENDERS;

const ROUNDS: usize = 50;

pub fn child(contender: &str) {
    first_signal::child(contender);
}

pub fn print() {
    let mut figures = vec![[const { Vec::new() }; 3]; CONTENDERS.len()];
    let mut shuffle = Shuffle::new();
    for _ in 0..ROUNDS {
        for contender in shuffle.order(CONTENDERS.len()) {
            for (figures, figure) in figures[contender].iter_mut().zip(measure(contender)) {
                figures.push(figure);
            }
        }
    }
    let medians: Vec<[f64; 3]> =
        figures.iter_mut().map(|row| row.each_mut().map(|figures| median(figures))).collect();
    let tokio = CONTENDERS.iter().position(|(name, _)| *name == "tokio::signal current_thread");
    let base = medians[tokio.expect("tokio::signal")][0];
    let rows: Vec<Vec<String>> = CONTENDERS
        .iter()
        .zip(&medians)
        .map(|((name, _), [time, threads, descriptors])| {
            vec![
                (*name).to_owned(),
                short(time / 1000.0),
                ratio(*time, base),
                format!("{threads:.0}"),
                format!("{descriptors:.0}"),
            ]
        })
        .collect();
    let head = ["set-up, µs", "median", "over tokio::signal", "threads", "descriptors"];
    table(
        "Set-up in a fresh process (threads and descriptors with the runtime's own)",
        &head,
        &rows,
    );
}

fn measure(contender: usize) -> [f64; 3] {
    let mut process = start("set-up", CONTENDERS[contender].0);
    let line = process.stdout.take().and_then(|out| BufReader::new(out).lines().next());
    let line = line.and_then(Result::ok).unwrap_or_default();
    let _ = process.kill();
    let _ = process.wait();
    let mut figures = line.split(' ').map(|figure| figure.parse().unwrap_or(f64::NAN));
    [(); 3].map(|()| figures.next().unwrap_or(f64::NAN))
}
