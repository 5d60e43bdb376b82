//! warp: a filter is a tower service after `warp::service`, and the server does the rest.

use std::sync::atomic::{AtomicU64, Ordering};
use std::{error::Error, time::Duration};

use signoff::{Hooks, ShutdownSignal, Tokio, http::Server};
use tokio::{net::TcpListener, time::sleep};
use warp::Filter;

static VISITS: AtomicU64 = AtomicU64::new(0);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let shutdown = ShutdownSignal::listen(Tokio)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening: curl http://{}", listener.local_addr()?);
    let visit = warp::path::end().then(visit);

    Hooks::new()
        .budget(Duration::from_secs(10))
        .hook("store", async || println!("{} visits are stored", VISITS.load(Ordering::Relaxed)))
        .exit_on(shutdown)
        .serve(Server::new(listener, warp::service(visit)))
        .await?;
    Ok(())
}

async fn visit() -> String {
    let visitor = VISITS.fetch_add(1, Ordering::Relaxed) + 1;
    sleep(Duration::from_millis(200)).await; // the work
    format!("visitor {visitor}\n")
}
