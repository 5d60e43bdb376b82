//! Nanoseconds to count one piece of work, by one thread and by two at once.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::operations::{Operation, cells, medians, timed};
use crate::stats::table;

/// The row that the others are compared with.
const BASE: usize = 1;

fn rows() -> Vec<(&'static str, Operation)> {
    let count = Arc::new(AtomicUsize::new(0));
    let tracker = tokio_util::task::TaskTracker::new();
    let in_flight = signoff::InFlight::new();
    let cloned = in_flight.clone();
    vec![
        (
            "limit: one atomic, up and down",
            Arc::new(move || {
                timed(|| {
                    black_box(count.fetch_add(1, Ordering::Relaxed));
                    count.fetch_sub(1, Ordering::Release);
                })
            }),
        ),
        ("TaskTracker::token", Arc::new(move || timed(|| drop(black_box(tracker.token()))))),
        (
            "limit: reading the clock",
            Arc::new(|| timed(|| _ = black_box(std::time::Instant::now()))),
        ),
        (
            "**signoff, a literal name**",
            Arc::new(move || timed(|| drop(black_box(in_flight.enter("GET /"))))),
        ),
        (
            "**signoff, a name that is formatted**",
            Arc::new(move || {
                timed(|| drop(black_box(cloned.enter(format!("GET /{}", black_box("report"))))))
            }),
        ),
    ]
}

pub fn print() {
    let rows = rows();
    let operations: Vec<&Operation> = rows.iter().map(|(_, operation)| operation).collect();
    let times = medians(&operations);
    let rows: Vec<_> =
        rows.iter().zip(&times).map(|((name, _), ns)| cells(name, *ns, times[BASE])).collect();
    let over = "over the tracker";
    let head = ["enter + drop", "ns, one thread", over, "ns, two threads", over];
    table("Counting one piece of work", &head, &rows);
}
