//! From the trigger until the last of N waiting tasks has run, in a fresh process.

use std::io::{BufRead, BufReader};
use std::pin::Pin;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;

use crate::stats::{Shuffle, median, ratio, short, table};

const ROUNDS: usize = 15;
const TASKS: [usize; 3] = [1, 1_000, 100_000];
const RUNTIMES: [&str; 2] = ["current_thread", "multi_thread"];

/// Starts the tasks, each of which waits and then calls `ran`; returns the trigger.
type Contender = (&'static str, fn(Tasks) -> Box<dyn FnOnce() + Send>);

#[derive(Clone)]
struct Tasks {
    count: usize,
    waiting: Arc<AtomicUsize>,
    left: Arc<AtomicUsize>,
    done: Arc<Notify>,
}

impl Tasks {
    /// Says that it is about to wait.
    fn waits(&self) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
    }

    fn ran(&self) {
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.done.notify_one();
        }
    }
}

macro_rules! start {
    ($tasks:ident, $handle:ident => $new:expr, $wait:expr) => {
        for _ in 0..$tasks.count {
            let $handle = $new;
            let tasks = $tasks.clone();
            tokio::spawn(async move {
                tasks.waits();
                $wait;
                tasks.ran();
            });
        }
    };
}

const CONTENDERS: &[Contender] = &[
    ("floor: AtomicBool + Mutex<Vec<Waker>>", |tasks| {
        let floor = Arc::new(Floor::default());
        start!(tasks, floor => Arc::clone(&floor), FloorWait(floor).await);
        Box::new(move || floor.trigger())
    }),
    ("**signoff**", |tasks| {
        let signal = signoff::ShutdownSignal::manual();
        start!(tasks, signal => signal.clone(), signal.await);
        Box::new(move || _ = signal.request("benchmark"))
    }),
    ("CancellationToken", |tasks| {
        let token = tokio_util::sync::CancellationToken::new();
        start!(tasks, token => token.clone(), token.cancelled().await);
        Box::new(move || token.cancel())
    }),
    ("async-shutdown", |tasks| {
        let manager = async_shutdown::ShutdownManager::<u8>::new();
        start!(tasks, manager => manager.clone(), manager.wait_shutdown_triggered().await);
        Box::new(move || _ = manager.trigger_shutdown(1))
    }),
    ("event-listener + AtomicBool", |tasks| {
        let event = Arc::new((AtomicBool::new(false), event_listener::Event::new()));
        start!(tasks, event => Arc::clone(&event), {
            let listener = event.1.listen();
            if !event.0.load(Ordering::Acquire) {
                listener.await;
            }
        });
        Box::new(move || {
            event.0.store(true, Ordering::Release);
            event.1.notify(usize::MAX);
        })
    }),
    ("tokio::sync::watch", |tasks| {
        let (sender, receiver) = tokio::sync::watch::channel(false);
        start!(tasks, receiver => receiver.clone(), {
            let mut receiver = receiver;
            let _ = receiver.wait_for(|on| *on).await;
        });
        Box::new(move || _ = sender.send(true))
    }),
    ("tokio-graceful", |tasks| {
        let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
        let shutdown = tokio_graceful::Shutdown::new(async {
            let _ = receiver.await;
        });
        start!(tasks, guard => shutdown.guard_weak(), guard.cancelled().await);
        std::mem::forget(shutdown);
        Box::new(move || _ = sender.send(()))
    }),
    ("elegant-departure", |tasks| {
        start!(tasks, guard => elegant_departure::get_shutdown_guard(), guard.wait().await);
        Box::new(|| {
            let mut departure = Box::pin(elegant_departure::shutdown());
            let _ = departure.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        })
    }),
];

#[derive(Default)]
struct Floor {
    on: AtomicBool,
    wakers: Mutex<Vec<Waker>>,
}

impl Floor {
    fn trigger(&self) {
        self.on.store(true, Ordering::Release);
        let wakers = std::mem::take(&mut *self.wakers.lock().unwrap());
        wakers.into_iter().for_each(Waker::wake);
    }
}

struct FloorWait(Arc<Floor>);

impl Future for FloorWait {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut wakers = self.0.wakers.lock().unwrap();
        if self.0.on.load(Ordering::Acquire) {
            return Poll::Ready(());
        }
        wakers.push(cx.waker().clone());
        Poll::Pending
    }
}

fn runtime(name: &str) -> Runtime {
    let mut builder = match name {
        "current_thread" => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    builder.worker_threads(2).enable_all().build().expect("a runtime")
}

/// Prints the nanoseconds that it took.
pub fn child(contender: &str, runtime_name: &str, tasks: &str) {
    let (_, start) = CONTENDERS.iter().find(|(name, _)| *name == contender).expect("a contender");
    let count: usize = tasks.parse().expect("a number");
    let tasks = Tasks {
        count,
        waiting: Arc::default(),
        left: Arc::new(AtomicUsize::new(count)),
        done: Arc::default(),
    };
    let runtime = runtime(runtime_name);
    let elapsed = runtime.block_on(async {
        let trigger = start(tasks.clone());
        while tasks.waiting.load(Ordering::Relaxed) < count {
            tokio::task::yield_now().await;
        }
        // The last ones are still being polled on another worker, or their executor still sleeps.
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        let begin = Instant::now();
        trigger();
        tasks.done.notified().await;
        begin.elapsed()
    });
    println!("{}", elapsed.as_nanos());
    std::process::exit(0);
}

pub fn print() {
    let columns: Vec<(&str, usize)> =
        TASKS.into_iter().flat_map(|tasks| RUNTIMES.map(|runtime| (runtime, tasks))).collect();
    let mut times = vec![vec![Vec::new(); columns.len()]; CONTENDERS.len()];
    let mut shuffle = Shuffle::new();
    for _ in 0..ROUNDS {
        for contender in shuffle.order(CONTENDERS.len()) {
            for (column, (runtime, tasks)) in columns.iter().enumerate() {
                times[contender][column].push(measure(CONTENDERS[contender].0, runtime, *tasks));
            }
        }
    }
    let medians: Vec<Vec<f64>> =
        times.iter_mut().map(|row| row.iter_mut().map(|times| median(times)).collect()).collect();
    let rows: Vec<Vec<String>> = CONTENDERS
        .iter()
        .zip(&medians)
        .map(|((name, _), row)| {
            let cells = row.iter().zip(&medians[0]);
            let cells = cells.map(|(time, floor)| {
                format!("{} ({})", short(time / 1000.0), ratio(*time, *floor))
            });
            std::iter::once((*name).to_owned()).chain(cells).collect()
        })
        .collect();
    let head: Vec<String> = std::iter::once("µs (over the floor)".to_owned())
        .chain(columns.iter().map(|(runtime, tasks)| format!("{tasks}, {runtime}")))
        .collect();
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    table("Trigger → the last of N tasks has run", &head, &rows);
}

fn measure(contender: &str, runtime: &str, tasks: usize) -> f64 {
    let process = Command::new(std::env::current_exe().expect("this program"))
        .args(["child", "fan-out", contender, runtime, &tasks.to_string()])
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut process) = process else { return f64::NAN };
    let line = process.stdout.take().and_then(|out| BufReader::new(out).lines().next());
    let _ = process.wait();
    line.and_then(Result::ok).and_then(|line| line.parse().ok()).unwrap_or(f64::NAN)
}
