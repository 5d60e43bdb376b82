//! Nanoseconds for each operation, by one thread and by two at once.

use std::future::{Future, IntoFuture};
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::task::{Context, Waker};
use std::time::Instant;

use crate::stats::{Shuffle, median, ratio, short, table};

const ROUNDS: usize = 15;
static CALLS: AtomicUsize = AtomicUsize::new(500_000);

/// What a contender does many times over; it says how long that took, in nanoseconds.
pub type Operation = Arc<dyn Fn() -> f64 + Send + Sync>;

pub const TITLES: [&str; 4] = ["is it on?", "poll again", "make + first poll + drop", "new handle"];

struct Row {
    name: &'static str,
    asked: Option<Operation>,
    polled: Operation,
    made: Operation,
    cloned: Operation,
}

/// Like a task's waker, without its cost: the library alone is measured.
fn poll_once<F: Future>(future: Pin<&mut F>) {
    let pending = future.poll(&mut Context::from_waker(Waker::noop())).is_pending();
    black_box(pending);
}

pub fn timed(mut operation: impl FnMut()) -> f64 {
    let calls = CALLS.load(Ordering::Relaxed);
    let start = Instant::now();
    for _ in 0..calls {
        operation();
    }
    start.elapsed().as_nanos() as f64 / calls as f64
}

fn asked<S: Send + Sync + 'static>(shared: &Arc<S>, ask: fn(&S) -> bool) -> Operation {
    let shared = Arc::clone(shared);
    Arc::new(move || timed(|| _ = black_box(ask(black_box(&shared)))))
}

fn polled<S, F>(shared: &Arc<S>, wait: fn(S) -> F) -> Operation
where
    S: Clone + Send + Sync + 'static,
    F: Future + 'static,
{
    let shared = Arc::clone(shared);
    Arc::new(move || {
        let mut future = pin!(wait(S::clone(&shared)));
        poll_once(future.as_mut());
        timed(|| poll_once(future.as_mut()))
    })
}

/// The future borrows, as it does in a `select!` in a loop.
macro_rules! made {
    ($shared:expr, $handle:ident => $wait:expr) => {{
        let shared = Arc::clone($shared);
        Arc::new(move || {
            let $handle = (*shared).clone();
            timed(|| {
                let mut future = pin!($wait);
                poll_once(future.as_mut());
            })
        })
    }};
}

fn cloned<S: Clone + Send + Sync + 'static>(shared: &Arc<S>) -> Operation {
    let shared = Arc::clone(shared);
    Arc::new(move || timed(|| drop(black_box(S::clone(&shared)))))
}

fn rows() -> Vec<Row> {
    let signal = Arc::new(signoff::ShutdownSignal::manual());
    let token = Arc::new(tokio_util::sync::CancellationToken::new());
    let manager = Arc::new(async_shutdown::ShutdownManager::<u8>::new());
    let graceful = Arc::new(graceful_guard());
    let (sender, receiver) = tokio::sync::watch::channel(false);
    std::mem::forget(sender);
    let watch = Arc::new(receiver);
    vec![
        Row {
            name: "**signoff**",
            asked: Some(asked(&signal, signoff::ShutdownSignal::is_requested)),
            polled: polled(&signal, std::convert::identity),
            made: made!(&signal, handle => (&handle).into_future()),
            cloned: cloned(&signal),
        },
        Row {
            name: "CancellationToken",
            asked: Some(asked(&token, tokio_util::sync::CancellationToken::is_cancelled)),
            polled: polled(&token, tokio_util::sync::CancellationToken::cancelled_owned),
            made: made!(&token, handle => handle.cancelled()),
            cloned: cloned(&token),
        },
        Row {
            name: "async-shutdown",
            asked: Some(asked(&manager, async_shutdown::ShutdownManager::is_shutdown_triggered)),
            polled: polled(&manager, |manager| manager.wait_shutdown_triggered()),
            made: made!(&manager, handle => handle.wait_shutdown_triggered()),
            cloned: cloned(&manager),
        },
        Row {
            name: "tokio-graceful",
            asked: None,
            polled: polled(&graceful, |guard| async move { guard.cancelled().await }),
            made: made!(&graceful, handle => handle.cancelled()),
            cloned: cloned(&graceful),
        },
        Row {
            name: "tokio::sync::watch",
            asked: Some(asked(&watch, |watch| *watch.borrow())),
            polled: polled(
                &watch,
                |mut watch| async move { watch.wait_for(|on| *on).await.is_ok() },
            ),
            made: {
                let watch = Arc::clone(&watch);
                Arc::new(move || {
                    let mut watch = (*watch).clone();
                    timed(|| {
                        let mut future = pin!(watch.wait_for(|on| *on));
                        poll_once(future.as_mut());
                    })
                })
            },
            cloned: cloned(&watch),
        },
    ]
}

/// A guard of a shutdown that never comes.
fn graceful_guard() -> tokio_graceful::WeakShutdownGuard {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let guard = runtime.block_on(async {
        tokio_graceful::Shutdown::new(std::future::pending::<()>()).guard_weak()
    });
    std::mem::forget(runtime);
    guard
}

/// Of one thread, or the mean of two that run at once.
fn run(operation: &Operation, threads: usize) -> f64 {
    if threads == 1 {
        return operation();
    }
    let barrier = Arc::new(Barrier::new(threads));
    let running: Vec<_> = (0..threads)
        .map(|_| {
            let (operation, barrier) = (Arc::clone(operation), Arc::clone(&barrier));
            std::thread::spawn(move || {
                barrier.wait();
                operation()
            })
        })
        .collect();
    let times: Vec<f64> = running.into_iter().map(|thread| thread.join().unwrap()).collect();
    times.iter().sum::<f64>() / threads as f64
}

pub fn contenders() -> Vec<&'static str> {
    rows().iter().map(|row| row.name).collect()
}

/// One operation of one contender, for a tool that counts instructions.
pub fn child(row: &str, operation: &str, calls: &str) {
    CALLS.store(calls.parse().expect("a number"), Ordering::Relaxed);
    let rows = rows();
    let row = rows.iter().find(|known| known.name == row).expect("a contender");
    let operations = [row.asked.as_ref(), Some(&row.polled), Some(&row.made), Some(&row.cloned)];
    let operation = TITLES.iter().position(|title| *title == operation).expect("an operation");
    operations[operation].map(|operation| operation());
}

/// The time of each operation, by one thread and by two, in alternating rounds.
pub fn medians(operations: &[&Operation]) -> Vec<[f64; 2]> {
    let mut times = vec![[const { Vec::new() }; 2]; operations.len()];
    let mut shuffle = Shuffle::new();
    for _ in 0..ROUNDS {
        for operation in shuffle.order(operations.len()) {
            for threads in [1, 2] {
                times[operation][threads - 1].push(run(operations[operation], threads));
            }
        }
    }
    times.iter_mut().map(|row| row.each_mut().map(|times| median(times))).collect()
}

pub fn print() {
    let rows = rows();
    // Shared in the same way: behind a handle.
    let flag = Arc::new(Arc::new(AtomicBool::new(false)));
    let load = asked(&flag, |flag| flag.load(Ordering::Acquire));
    let mut operations: Vec<&Operation> = vec![&load];
    for row in &rows {
        operations.extend([
            row.asked.as_ref().unwrap_or(&load),
            &row.polled,
            &row.made,
            &row.cloned,
        ]);
    }
    let medians = medians(&operations);
    let at = |row: usize, operation: usize| medians[1 + row * 4 + operation];
    for (operation, title) in TITLES.iter().enumerate() {
        let base = if operation == 0 { medians[0] } else { at(1, operation) };
        let mut table_rows = Vec::new();
        if operation == 0 {
            table_rows.push(cells("limit: AtomicBool::load", base, base));
        }
        for (row, contender) in rows.iter().enumerate() {
            if operation > 0 || contender.asked.is_some() {
                table_rows.push(cells(contender.name, at(row, operation), base));
            }
        }
        let over = if operation == 0 { "over the load" } else { "over the token" };
        let head = [title, "ns, one thread", over, "ns, two threads", over];
        table(&format!("Operation: {title}"), &head, &table_rows);
    }
}

pub fn cells(name: &str, [one, two]: [f64; 2], [base_one, base_two]: [f64; 2]) -> Vec<String> {
    vec![name.into(), short(one), ratio(one, base_one), short(two), ratio(two, base_two)]
}
