//! An HTTP and a gRPC server that stop on one signal. The gRPC health service says so first.

use std::sync::atomic::{AtomicU64, Ordering};
use std::{error::Error, io, time::Duration};

use axum::{Router, routing::get};
use signoff::{Hooks, InFlight, ShutdownSignal, Tokio, http::Server};
use tokio::{net::TcpListener, time::sleep};
use tonic::service::Routes;
use tonic_health::{ServingStatus, server::health_reporter};

/// Servers in `run_with` do not know the deadline of `main`. With less than its share of 8 s they cut a
/// request that hangs, and `main` returns in time.
const DRAIN: Duration = Duration::from_millis(7500);

static VISITS: AtomicU64 = AtomicU64::new(0);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let shutdown = ShutdownSignal::listen(Tokio)?;
    let (http, grpc) =
        (TcpListener::bind("127.0.0.1:0").await?, TcpListener::bind("127.0.0.1:0").await?);
    println!("gRPC: http://{}", grpc.local_addr()?);
    println!("listening: curl http://{}", http.local_addr()?);

    let requests = InFlight::new(); // one count for both
    let (mut reporter, health) = health_reporter();
    let app = Router::new().route("/", get(visit)).route_service("/ready", shutdown.readiness());
    let http = Server::new(http, app).in_flight(&requests).drain(DRAIN);
    let grpc = Server::new(grpc, Routes::new(health)).in_flight(&requests).drain(DRAIN);
    let signal = shutdown.clone();

    Hooks::new()
        .budget(Duration::from_secs(10))
        .hook("store", async || println!("{} visits are stored", VISITS.load(Ordering::Relaxed)))
        .within(Duration::from_secs(2)) // the other 8 s are the share of `main`
        .exit_on(shutdown)
        .in_flight(&requests)
        .run_with(async move |drain| {
            // Not in a hook: hooks run after the servers, which wait for the streams of `Watch`.
            let not_serving = async {
                signal.await; // before the delay of `keep_serving`
                reporter.set_service_status("", ServingStatus::NotServing).await;
                (&drain).await;
                reporter.clear_service_status("").await; // ends the streams
                Ok(())
            };
            tokio::try_join!(http.serve(drain.clone()), grpc.serve(drain.clone()), not_serving)?;
            io::Result::Ok(())
        })
        .await?;
    Ok(())
}

async fn visit() -> String {
    let visitor = VISITS.fetch_add(1, Ordering::Relaxed) + 1;
    sleep(Duration::from_millis(200)).await; // the work
    format!("visitor {visitor}\n")
}
