//! A service from SIGTERM to its exit: not ready, a delay for the load balancer, the server's drain,
//! in-flight work, resources, telemetry last, and the exit status.
//!
//! ```text
//! cargo run --example service --features tokio
//! curl localhost:PORT/ready     # in another terminal: 200 ready
//! kill PID
//! curl localhost:PORT/ready     # for two seconds: 503 stopping; requests still work
//! ```
//!
//! It prints its address, and after a second what it waits for. A report follows only if it is not clean:
//!
//! ```text
//! process 4711 serves http://127.0.0.1:35001
//! waiting for keep serving (1.0 s of 2.0 s), Ctrl-C to quit
//! ```

use std::error::Error;
use std::fs::File;
use std::future::IntoFuture;
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
    let shutdown = ShutdownSignal::listen(Tokio)?; // no SIGTERM is lost from here on
    let in_flight = InFlight::new();

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("process {} serves http://{}", std::process::id(), listener.local_addr()?);

    let app = Router::new()
        .route("/", get(work))
        .route("/ready", get(ready))
        .with_state(App { shutdown: shutdown.clone(), in_flight: in_flight.clone() });
    let spool = File::create(std::env::temp_dir().join("service.spool"))?;

    Hooks::new()
        .budget(Duration::from_secs(10))
        .keep_serving(Duration::from_secs(2)) // the load balancer sees the readiness probe fail
        .hook("requests", move || in_flight.drained()) // work that outlives its connection
        .then()
        .hook("database", async || sleep(Duration::from_millis(50)).await)
        .within(Duration::from_secs(1))
        .blocking("spool", move || spool.sync_all())
        .then()
        .hook("telemetry", async || sleep(Duration::from_millis(50)).await)
        .exit_on(shutdown)
        // The server stops on `drain`, which is requested after the delay.
        .run_with(|drain| axum::serve(listener, app).with_graceful_shutdown(drain).into_future())
        .await?;
    Ok(())
}

/// The readiness probe fails as soon as the signal comes.
async fn ready(State(app): State<App>) -> (StatusCode, &'static str) {
    if app.shutdown.is_requested() {
        (StatusCode::SERVICE_UNAVAILABLE, "stopping\n")
    } else {
        (StatusCode::OK, "ready\n")
    }
}

async fn work(State(app): State<App>) -> &'static str {
    tokio::spawn(app.in_flight.track("mail", async {
        sleep(Duration::from_millis(100)).await; // continues after the response
    }));
    "done\n"
}
