//! warp: its graceful shutdown takes any future, so it takes the signal.

use std::sync::atomic::{AtomicU64, Ordering};
use std::{error::Error, time::Duration};

use signoff::InFlightGuard;
use signoff::{Hooks, InFlight, ShutdownSignal, Tokio};
use tokio::{net::TcpListener, time::sleep};
use warp::Filter;

static VISITS: AtomicU64 = AtomicU64::new(0);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let shutdown = ShutdownSignal::listen(Tokio)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening: curl http://{}", listener.local_addr()?);

    let requests = InFlight::new();
    let running = requests.clone();
    let visit = warp::path::end().then(move || visit(running.enter("GET /")));
    let server = warp::serve(visit).incoming(listener).graceful(shutdown.clone()).run();

    Hooks::new()
        .budget(Duration::from_secs(10))
        .hook("store", async || println!("{} visits are stored", VISITS.load(Ordering::Relaxed)))
        .exit_on(shutdown)
        .in_flight(&requests)
        .run(server)
        .await?;
    Ok(())
}

async fn visit(_request: InFlightGuard) -> String {
    let visitor = VISITS.fetch_add(1, Ordering::Relaxed) + 1;
    sleep(Duration::from_millis(200)).await; // the work
    format!("visitor {visitor}\n")
}
