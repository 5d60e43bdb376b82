//! A pool of threads behind a crossbeam channel: accepted jobs are finished, and no new one is taken.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded, select_biased};
use signoff::{Blocking, Hooks, ShutdownSignal};

const WORKERS: u32 = 4;

static ACCEPTED: AtomicU64 = AtomicU64::new(0);

fn main() -> Result<(), signoff::Error> {
    let shutdown = ShutdownSignal::listen(Blocking)?;
    let (jobs, queue) = bounded(100);
    let workers: Vec<_> = (0..WORKERS)
        .map(|_| {
            let queue = queue.clone();
            thread::spawn(move || work(&queue))
        })
        .collect();
    println!("working: press Ctrl-C");

    let guard = Hooks::new()
        .budget(Duration::from_secs(10))
        .blocking("workers", move || join(workers))
        .then()
        .blocking("results", || println!("{} jobs were accepted", ACCEPTED.load(Ordering::Relaxed)))
        .exit_on(shutdown.clone())
        .start()?;
    feed(jobs, &shutdown.channel());
    guard.join(); // the hooks exit the process
    Ok(())
}

/// Takes the sender: when it is dropped, the workers empty the queue and return.
fn feed(jobs: Sender<u64>, stop: &Receiver<Infallible>) {
    for job in 1.. {
        select_biased! {
            recv(stop) -> _ => return, // checked first, so no job is accepted after the signal
            send(jobs, job) -> _ => ACCEPTED.fetch_add(1, Ordering::Relaxed),
        };
    }
}

fn work(queue: &Receiver<u64>) {
    for job in queue {
        thread::sleep(Duration::from_millis(2)); // the work
        println!("done: job {job}");
    }
}

fn join(workers: Vec<JoinHandle<()>>) -> Result<(), &'static str> {
    let join = |worker: JoinHandle<()>| worker.join().map_err(|_| "a worker panicked");
    workers.into_iter().try_for_each(join)
}
