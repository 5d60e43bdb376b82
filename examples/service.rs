//! The whole way of a service from SIGTERM to its end: not ready, a delay, the server, what is
//! still in flight, the parts it is made of, telemetry last, a report, the exit status.
//!
//! ```text
//! cargo run --example service --features tokio,blocking
//! curl localhost:PORT/ready     # in another terminal: 200 ready
//! kill PID
//! curl localhost:PORT/ready     # for two seconds: 503 stopping; a request still works
//! ```
//!
//! It prints where it listens, and at the end how it went:
//!
//! ```text
//! process 4711 serves http://127.0.0.1:35001
//! 6 of 6 hooks done in 2.11 s of 10.0 s, requested by SIGTERM from pid 4242 (uid 0)
//! 1  keep serving  |=====                       |  done          2.00 s
//! 2  server        |     .                      |  done            0 ms
//! 3  requests      |     .                      |  done            0 ms
//! 4  database      |     .                      |  done           50 ms
//!    spool         |     .                      |  done           10 ms
//! 5  telemetry     |     .                      |  done           50 ms
//! ```

use std::error::Error;
use std::fs::File;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Router, routing::get};
use signoff::{Hooks, InFlight, ShutdownSignal, Tokio};
use tokio::net::TcpListener;
use tokio::time::sleep;

#[derive(Clone)]
struct App {
    shutdown: ShutdownSignal,
    in_flight: InFlight,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let shutdown = ShutdownSignal::listen(Tokio)?; // from here on SIGTERM and Ctrl-C are kept
    let in_flight = InFlight::new();

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("process {} serves http://{}", std::process::id(), listener.local_addr()?);

    let app = Router::new()
        .route("/", get(work))
        .route("/ready", get(ready))
        .with_state(App { shutdown: shutdown.clone(), in_flight: in_flight.clone() });
    // The server stops when the hooks have come to it, not when the signal comes.
    let door = ShutdownSignal::manual();
    let server = axum::serve(listener, app).with_graceful_shutdown(door.clone());
    let server = tokio::spawn(server.into_future());
    let spool = File::create(std::env::temp_dir().join("service.spool"))?;

    let guard = Hooks::new()
        .budget(Duration::from_secs(10))
        .keep_serving(Duration::from_secs(2)) // the load balancer hears of it in the meantime
        .hook("server", async move || {
            door.request("the hooks have come to the server");
            server.await? // no new connections, and the open ones are done
        })
        .then()
        .hook("requests", move || in_flight.drained()) // also what outlives its connection
        .then()
        .hook("database", async || sleep(Duration::from_millis(50)).await)
        .within(Duration::from_secs(1))
        .blocking("spool", move || spool.sync_all())
        .then()
        .hook("telemetry", async || sleep(Duration::from_millis(50)).await)
        .exit_on(shutdown.clone())
        .on_report(|report| report.eprint())
        .start()?;

    shutdown.await;
    guard.await; // the hooks end the process
    Ok(())
}

/// Says no as soon as the signal is there.
async fn ready(State(app): State<App>) -> (StatusCode, &'static str) {
    if app.shutdown.is_requested() {
        (StatusCode::SERVICE_UNAVAILABLE, "stopping\n")
    } else {
        (StatusCode::OK, "ready\n")
    }
}

async fn work(State(app): State<App>) -> &'static str {
    let guard = app.in_flight.enter("mail");
    tokio::spawn(async move {
        sleep(Duration::from_millis(100)).await; // goes on after the answer
        drop(guard);
    });
    "done\n"
}
