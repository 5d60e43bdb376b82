//! A queue consumer: jobs that it took are finished, and those that wait go back to the queue.

use std::sync::Arc;
use std::{error::Error, time::Duration};

use signoff::{Hooks, InFlight, ShutdownSignal, Tokio};
use tokio::sync::{Mutex, Semaphore, mpsc};
use tokio::time::sleep;

const AT_ONCE: usize = 8;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let shutdown = ShutdownSignal::listen(Tokio)?;
    let (jobs, queue) = mpsc::channel(100); // what a client of a broker has prefetched
    tokio::spawn(async move {
        for job in 1.. {
            let Ok(()) = jobs.send(job).await else { return };
        }
    });
    let queue = Arc::new(Mutex::new(queue));
    let jobs = InFlight::new();
    println!("working: press Ctrl-C");
    let consumer = consume(Arc::clone(&queue), jobs.clone(), shutdown.clone());

    Hooks::new()
        .budget(Duration::from_secs(10))
        .hook("queue", async move || give_back(&mut *queue.lock().await).await)
        .exit_on(shutdown)
        .in_flight(&jobs) // the report names jobs that did not finish
        .run(consumer)
        .await?;
    Ok(())
}

async fn consume(queue: Arc<Mutex<mpsc::Receiver<u64>>>, jobs: InFlight, shutdown: ShutdownSignal) {
    let slots = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let next = async {
            let slot = Arc::clone(&slots).acquire_owned().await;
            // Locked for each job: if `main` is abandoned, it must not keep the queue from the hook.
            (slot, queue.lock().await.recv().await)
        };
        // Dropping `next` loses no job: `recv` is cancel safe.
        let Some((slot, Some(job))) = shutdown.run_until_requested(next).await else { break };
        // A job that panics fails the shutdown: it is in the report.
        tokio::spawn(jobs.track(format!("job {job}"), async move {
            work(job).await;
            drop(slot);
        }));
    }
    jobs.drained().await;
}

async fn work(job: u64) {
    sleep(Duration::from_millis(20)).await;
    println!("done: job {job}");
}

async fn give_back(queue: &mut mpsc::Receiver<u64>) {
    queue.close(); // the producer gets an error instead of a lost job
    // `try_recv` would miss a job that is being sent at this moment.
    while let Some(job) = queue.recv().await {
        println!("given back: job {job}");
    }
}
