//! Socket activation: systemd has opened the socket, so no connection is refused while the server restarts.

use std::sync::atomic::{AtomicU64, Ordering};
use std::{error::Error, io, time::Duration};

use axum::{Router, routing::get};
use listenfd::ListenFd;
use signoff::{Hooks, ShutdownSignal, Tokio, http::Server};
use tokio::{net::TcpListener, time::sleep};

static VISITS: AtomicU64 = AtomicU64::new(0);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let shutdown = ShutdownSignal::listen(Tokio)?;
    let listener = listener().await?;
    println!("listening: curl http://{}", listener.local_addr()?);
    let app = Router::new().route("/", get(visit));

    Hooks::new()
        .budget(Duration::from_secs(10))
        .hook("store", async || println!("{} visits are stored", VISITS.load(Ordering::Relaxed)))
        .exit_on(shutdown)
        .serve(Server::new(listener, app))
        .await?;
    Ok(())
}

/// The socket that this process has inherited, or a new one.
async fn listener() -> io::Result<TcpListener> {
    match ListenFd::from_env().take_tcp_listener(0)? {
        Some(listener) => {
            listener.set_nonblocking(true)?;
            TcpListener::from_std(listener)
        }
        None => TcpListener::bind("127.0.0.1:0").await,
    }
}

async fn visit() -> String {
    let visitor = VISITS.fetch_add(1, Ordering::Relaxed) + 1;
    sleep(Duration::from_millis(200)).await; // the work
    format!("visitor {visitor}\n")
}
