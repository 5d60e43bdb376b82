//! An HTTP server that loses no request when it stops, and names the requests that do not end.
//!
//! ```sh
//! cargo run --example http --features http
//! ```
//!
//! It prints its address. Send requests with curl from another terminal: `/` takes two seconds, and
//! `/poll` never ends. Meanwhile `kill` the process. `/` gets its response. The process waits for
//! `/poll`, and then closes it, prints a report, and exits with status 1:
//!
//! ```text
//! listening: curl http://127.0.0.1:43210, and then press Ctrl-C
//! request
//! waiting for main (1.0 s of 4.0 s; in flight: GET /poll (4.7 s)), Ctrl-C to quit
//! 1 of 2 hooks done in 3.8 s of 8.0 s, requested by SIGTERM from pid 4242 (uid 1000)
//! 1  main      |=============               |  failed         3.8 s
//!              | 1 request was cut: GET /poll (7.4 s)
//! 2  database  |             .              |  done            0 ms
//! ```

use std::future::pending;
use std::net::SocketAddr;
use std::{error::Error, time::Duration};

use axum::extract::ConnectInfo;
use axum::{Router, routing::get};
use signoff::{Hooks, ShutdownSignal, Tokio, http::Server};
use tokio::net::TcpListener;
use tokio::time;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let shutdown = ShutdownSignal::listen(Tokio)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening: curl http://{}, and then press Ctrl-C", listener.local_addr()?);

    let app = Router::new()
        .route("/", get(slow))
        .route("/poll", get(async || pending::<String>().await))
        .route_service("/ready", shutdown.readiness());
    let server = Server::new(listener, app).map_request(|mut request, connection| {
        request.extensions_mut().insert(ConnectInfo(*connection.peer()));
        request
    });

    Hooks::new().hook("database", async || {}).exit_on(shutdown).serve(server).await?;
    Ok(())
}

async fn slow(ConnectInfo(peer): ConnectInfo<SocketAddr>) -> String {
    println!("request");
    time::sleep(Duration::from_secs(2)).await;
    format!("hello, {}\n", peer.ip())
}
