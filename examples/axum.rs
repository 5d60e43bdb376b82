//! An axum server with graceful shutdown, and what is to be closed after it.
//!
//! ```sh
//! cargo run --example axum --features tokio
//! ```
//!
//! It prints its address. Ask it with curl from another terminal: an answer takes two seconds. Press
//! Ctrl-C meanwhile (or `kill` the process): curl still gets its answer, then the hooks run, and the server ends with a report.
//! Press Ctrl-C once more and it ends at once, with status 130.
//!
//! ```text
//! listening: curl http://127.0.0.1:43210, and then press Ctrl-C
//! request
//! stopping: SIGTERM from pid 4242 (uid 1000)
//! stopped: every answer was sent
//! 3 of 3 hooks done in 402 ms of 2.00 s, requested by SIGTERM from pid 4242 (uid 1000)
//! 1  queue     |=                           |  done          101 ms
//! 2  database  | ====                       |  done          301 ms
//!    output    | .                          |  done            0 ms
//! ```

use std::io::{self, Write};
use std::{error::Error, time::Duration};

use axum::{Router, extract::State, routing::get};
use signoff::{Hooks, Report, ShutdownSignal, Tokio};
use tokio::sync::mpsc::{self, Sender};
use tokio::{net::TcpListener, time};

#[tokio::main]
async fn main() -> Result<Report, Box<dyn Error>> {
    let shutdown = ShutdownSignal::listen(Tokio)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening: curl http://{}, and then press Ctrl-C", listener.local_addr()?);
    tokio::spawn(tell(shutdown.clone()));

    let (jobs, mut queue) = mpsc::channel(100);
    let worker = tokio::spawn(async move {
        while let Some(()) = queue.recv().await {
            time::sleep(Duration::from_millis(100)).await; // a job
        }
    });
    axum::serve(listener, Router::new().route("/", get(slow)).with_state(jobs))
        .with_graceful_shutdown(shutdown.clone())
        .await?; // the server is gone, and so is every sender of jobs
    println!("stopped: every answer was sent");

    Ok(Hooks::new()
        .budget(Duration::from_secs(2))
        .hook("queue", || worker) // does the jobs that it has
        .then()
        .hook("database", async || time::sleep(Duration::from_millis(300)).await)
        .within(Duration::from_secs(2))
        .blocking("output", || io::stdout().flush())
        .run_on(shutdown)
        .await)
}

async fn slow(State(jobs): State<Sender<()>>) -> &'static str {
    println!("request");
    time::sleep(Duration::from_secs(2)).await;
    let _ = jobs.send(()).await; // an error: the worker is gone
    "hello\n"
}

async fn tell(shutdown: ShutdownSignal) {
    (&shutdown).await;
    println!("stopping: {}", shutdown.wait()); // it has been asked for, so this does not wait
}
