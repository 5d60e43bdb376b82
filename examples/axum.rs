//! An axum server that exits in time, even if a request hangs.
//!
//! ```sh
//! cargo run --example axum --features tokio
//! ```
//!
//! It prints its address. Send a request with curl from another terminal: a response takes two seconds.
//! Meanwhile press Ctrl-C or `kill` the process. curl still gets its response, then the hooks run, and
//! the process exits with status 0. A second Ctrl-C ends it immediately.
//!
//! ```text
//! listening: curl http://127.0.0.1:43210, and then press Ctrl-C
//! request
//! waiting for main (1.0 s of 4.7 s; in flight: GET / (1.2 s)), Ctrl-C again to quit
//! waiting for database (56 ms of 2.0 s), Ctrl-C again to quit
//! ```

use std::future::IntoFuture;
use std::{error::Error, time::Duration};

use axum::{Router, extract::State, routing::get};
use signoff::{Hooks, InFlight, ShutdownSignal, Tokio};
use tokio::sync::mpsc::{self, Sender};
use tokio::{net::TcpListener, time};

#[derive(Clone)]
struct App {
    requests: InFlight,
    jobs: Sender<()>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let shutdown = ShutdownSignal::listen(Tokio)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening: curl http://{}, and then press Ctrl-C", listener.local_addr()?);

    let (jobs, mut queue) = mpsc::channel(100);
    let worker = tokio::spawn(async move {
        while let Some(()) = queue.recv().await {
            time::sleep(Duration::from_millis(100)).await; // a job
        }
    });
    let requests = InFlight::new();
    let app = App { requests: requests.clone(), jobs };
    let server = axum::serve(listener, Router::new().route("/", get(slow)).with_state(app))
        .with_graceful_shutdown(shutdown.clone())
        .into_future();

    Hooks::new()
        .budget(Duration::from_secs(10))
        .hook("queue", || worker) // finishes the jobs that it has
        .then()
        .hook("database", async || time::sleep(Duration::from_millis(300)).await)
        .within(Duration::from_secs(2))
        .exit_on(shutdown)
        .in_flight(&requests)
        .run(server)
        .await?;
    Ok(())
}

async fn slow(State(App { requests, jobs }): State<App>) -> &'static str {
    println!("request");
    let _request = requests.enter("GET /"); // counts until it is dropped
    time::sleep(Duration::from_secs(2)).await;
    let _ = jobs.send(()).await; // fails if the worker is gone
    "hello\n"
}
