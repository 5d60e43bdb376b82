//! Threads that take jobs from a channel, and stop together.
//!
//! ```sh
//! cargo run --example worker_pool --features blocking
//! ```
//!
//! Press Ctrl-C, or `kill` the process: every worker finishes its job, and the program
//! tells what was left in the queue.
//!
//! ```text
//! working: press Ctrl-C
//! worker 0: job 1
//! worker 1: job 2
//! worker 2: job 3
//! stopped: SIGINT, 3 jobs are done, 4 are left
//! ```

use std::{convert::Infallible, thread, time::Duration};

use crossbeam_channel::{Receiver, Sender, bounded, select_biased};
use signoff::{Blocking, ShutdownSignal};

const WORKERS: u32 = 3;

fn main() -> Result<(), signoff::Error> {
    let shutdown = ShutdownSignal::listen(Blocking)?;
    let (jobs, queue) = bounded(4);
    println!("working: press Ctrl-C");

    let done: u32 = thread::scope(|scope| {
        let start = |id| {
            let (queue, stop) = (queue.clone(), shutdown.channel());
            scope.spawn(move || work(id, &queue, &stop))
        };
        let workers: Vec<_> = (0..WORKERS).map(start).collect();
        feed(&jobs, &shutdown.channel());
        workers.into_iter().filter_map(|worker| worker.join().ok()).sum()
    });
    println!("stopped: {}, {done} jobs are done, {} are left", shutdown.wait(), queue.len());
    Ok(())
}

// `select_biased!` polls its first arm first: no new job after the request.

fn feed(jobs: &Sender<u32>, stop: &Receiver<Infallible>) {
    for job in 1.. {
        select_biased! {
            recv(stop) -> _ => return,
            send(jobs, job) -> _ => {}
        }
    }
}

/// Returns how many jobs were done.
fn work(id: u32, queue: &Receiver<u32>, stop: &Receiver<Infallible>) -> u32 {
    let mut done = 0;
    loop {
        select_biased! {
            recv(stop) -> _ => return done,
            recv(queue) -> job => println!("worker {id}: job {}", job.unwrap_or_default()),
        }
        thread::sleep(Duration::from_millis(500)); // the work
        done += 1;
    }
}
