//! hyper 1 with the graceful shutdown of hyper-util: connections finish their request and close.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{error::Error, time::Duration};

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::{Request, Response, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use signoff::{Hooks, InFlight, ShutdownSignal, Tokio};
use tokio::{net::TcpListener, time::sleep};

/// A client that stalls in a request head holds the shutdown no longer than this. hyper's default is
/// 30 seconds, which is more than the budget.
const STALLED: Duration = Duration::from_secs(2);

#[derive(Clone, Default)]
struct App {
    visits: Arc<AtomicU64>,
    requests: InFlight,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let shutdown = ShutdownSignal::listen(Tokio)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening: curl http://{}", listener.local_addr()?);
    let app = App::default();
    let (visits, requests) = (app.visits.clone(), app.requests.clone());
    let server = serve(listener, app, shutdown.clone());

    Hooks::new()
        .budget(Duration::from_secs(10))
        .hook("store", async move || {
            println!("{} visits are stored", visits.load(Ordering::Relaxed))
        })
        .exit_on(shutdown)
        .in_flight(&requests)
        .run(server)
        .await?;
    Ok(())
}

async fn serve(listener: TcpListener, app: App, shutdown: ShutdownSignal) {
    let connections = GracefulShutdown::new();
    while let Some(accepted) = shutdown.run_until_requested(listener.accept()).await {
        let Ok((stream, _)) = accepted else {
            sleep(Duration::from_millis(100)).await; // too many open files: some will close
            continue;
        };
        let app = app.clone();
        let service = service_fn(move |request| visit(app.clone(), request));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(STALLED)
            .serve_connection(TokioIo::new(stream), service);
        let connection = connections.watch(connection);
        tokio::spawn(connection); // an error concerns only its client
    }
    drop(listener); // refuses new connections
    connections.shutdown().await; // resolves when the last connection has closed
}

async fn visit(app: App, request: Request<Incoming>) -> Result<Response<String>, Infallible> {
    let visitor = app.visits.fetch_add(1, Ordering::Relaxed) + 1;
    let name = format!("{} {}", request.method(), request.uri().path());
    let _request = app.requests.enter(name);
    sleep(Duration::from_millis(200)).await; // the work
    Ok(Response::new(format!("visitor {visitor}\n")))
}
