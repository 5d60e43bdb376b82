//! hyper 1 without a framework: a function is the service, and the server does the rest.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{convert::Infallible, error::Error, time::Duration};

use hyper::{Request, Response, body::Incoming};
use signoff::{Hooks, ShutdownSignal, Tokio, http::Server};
use tokio::{net::TcpListener, time::sleep};
use tower::service_fn;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let shutdown = ShutdownSignal::listen(Tokio)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening: curl http://{}", listener.local_addr()?);
    let visits = Arc::new(AtomicU64::new(0));
    let stored = Arc::clone(&visits);
    let service = service_fn(move |request| visit(Arc::clone(&visits), request));

    Hooks::new()
        .budget(Duration::from_secs(10))
        .hook("store", async move || {
            println!("{} visits are stored", stored.load(Ordering::Relaxed))
        })
        .exit_on(shutdown)
        .serve(Server::new(listener, service))
        .await?;
    Ok(())
}

async fn visit(
    visits: Arc<AtomicU64>,
    _: Request<Incoming>,
) -> Result<Response<String>, Infallible> {
    let visitor = visits.fetch_add(1, Ordering::Relaxed) + 1;
    sleep(Duration::from_millis(200)).await; // the work
    Ok(Response::new(format!("visitor {visitor}\n")))
}
