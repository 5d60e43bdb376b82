//! A task that the program cannot do without: if it ends, the program shuts down.
//!
//! ```sh
//! cargo run --example vital_task --features tokio
//! ```
//!
//! The consumer panics at its fourth job. Its guard requests the shutdown, so the other
//! tasks stop, the hooks run, and the exit status is a failure.
//!
//! ```text
//! job 1
//! job 2
//! job 3
//! thread 'tokio-rt-worker' (4717) panicked at examples/vital_task.rs:50:9:
//! job 4 is broken
//! note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace
//! the other task stops: request: consumer panicked
//! 2 of 2 hooks done in 1 ms of 8.0 s, request: consumer panicked, marked as a failure
//! 1  main      |.                           |  done            0 ms
//! 2  database  |.                           |  done            0 ms
//! ```

use std::{error::Error, time::Duration};

use signoff::{Hooks, ShutdownSignal, Tokio};
use tokio::sync::mpsc;
use tokio::time::sleep;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let shutdown = ShutdownSignal::listen(Tokio)?;
    let (jobs, inbox) = mpsc::channel(10);

    let guard = shutdown.request_on_drop("consumer");
    tokio::spawn(async move {
        let _guard = guard; // dropped when the task returns, panics or is cancelled
        consume(inbox).await;
    });

    Hooks::new()
        .hook("database", async || ())
        .exit_on(shutdown.clone())
        .run(produce(jobs, shutdown))
        .await?;
    Ok(())
}

async fn consume(mut inbox: mpsc::Receiver<u32>) {
    while let Some(job) = inbox.recv().await {
        assert!(job < 4, "job {job} is broken");
        println!("job {job}");
    }
}

async fn produce(jobs: mpsc::Sender<u32>, shutdown: ShutdownSignal) {
    for job in 1.. {
        let next = async {
            sleep(Duration::from_millis(100)).await;
            jobs.send(job).await
        };
        if !matches!(shutdown.run_until_requested(next).await, Some(Ok(()))) {
            break;
        }
    }
    println!(
        "the other task stops: {}",
        shutdown.reason().map(|r| r.to_string()).unwrap_or_default()
    );
}
