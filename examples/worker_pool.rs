//! Threads that take jobs from a channel, and stop together.
//!
//! ```sh
//! cargo run --example worker_pool --features blocking
//! ```
//!
//! Press Ctrl-C, or `kill` the process: every worker finishes its job, and the program
//! prints how many jobs are left in the queue. A second Ctrl-C ends it immediately. The first argument is
//! the time of a job in seconds: with 60, try it.
//!
//! ```text
//! working: press Ctrl-C
//! worker 0: job 1
//! worker 1: job 2
//! worker 2: job 3
//! finishing 3 jobs, Ctrl-C again to quit now
//! stopped: SIGINT, 3 jobs are done, 4 are left
//! ```

use std::{convert::Infallible, env, thread, time::Duration};

use crossbeam_channel::{Receiver, Sender, bounded, select_biased};
use signoff::{Blocking, InFlight, ShutdownSignal};

const WORKERS: u32 = 3;

fn main() -> Result<(), signoff::Error> {
    let shutdown = ShutdownSignal::listen(Blocking)?;
    let seconds = env::args().nth(1).and_then(|argument| argument.parse().ok());
    let job = Duration::from_secs_f32(seconds.unwrap_or(0.5));
    let ((jobs, queue), in_flight) = (bounded(4), InFlight::new());
    println!("working: press Ctrl-C");

    let done: u32 = thread::scope(|scope| {
        let start = |id| {
            let (queue, stop) = (queue.clone(), shutdown.channel());
            let in_flight = in_flight.clone();
            scope.spawn(move || work(id, job, &queue, &stop, &in_flight))
        };
        let workers: Vec<_> = (0..WORKERS).map(start).collect();
        feed(&jobs, &shutdown.channel());
        eprintln!("finishing {} jobs, Ctrl-C again to quit now", in_flight.count());
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
fn work(
    id: u32,
    time: Duration,
    queue: &Receiver<u32>,
    stop: &Receiver<Infallible>,
    in_flight: &InFlight,
) -> u32 {
    let mut done = 0;
    loop {
        let job = select_biased! {
            recv(stop) -> _ => return done,
            recv(queue) -> job => job.unwrap_or_default(),
        };
        let _running = in_flight.enter(format!("job {job}"));
        println!("worker {id}: job {job}");
        thread::sleep(time); // the work
        done += 1;
    }
}
