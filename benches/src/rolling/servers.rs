//! The contenders. Each is the shortest program that its documentation shows.

use std::io;
use std::net::TcpListener;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::routing::{any, get};
use signoff::{Hooks, ShutdownSignal, Tokio};

use super::instance::shared;

/// The longest time that a contender with such an option waits for its requests.
const DRAIN: Duration = Duration::from_secs(8);

type Contender = (&'static str, fn(u16) -> io::Result<()>);

pub const CONTENDERS: &[Contender] = &[
    ("signoff", |port| {
        on_tokio(async {
            let shutdown = ShutdownSignal::listen(Tokio).map_err(io::Error::other)?;
            let server = signoff::http::Server::new(tokio_listener(port)?, app());
            Hooks::new().exit_on(shutdown).serve(server).await.map_err(io::Error::other)
        })
    }),
    ("axum", |port| {
        on_tokio(async {
            let server = axum::serve(tokio_listener(port)?, app());
            server.with_graceful_shutdown(shutdown_signal()).await
        })
    }),
    ("axum-server", |port| {
        on_tokio(async {
            let handle = axum_server::Handle::new();
            let stop = handle.clone();
            tokio::spawn(async move {
                shutdown_signal().await;
                stop.graceful_shutdown(Some(DRAIN));
            });
            let server = axum_server::from_tcp(listener(port)?)?.handle(handle);
            server.serve(app().into_make_service()).await
        })
    }),
    ("hyper-util", |port| on_tokio(hyper_util_server(port))),
    ("actix-web", |port| actix_web::rt::System::new().block_on(actix_server(port))),
];

pub fn child(contender: &str, port: &str) {
    let (_, serve) = CONTENDERS.iter().find(|(name, _)| *name == contender).expect("a contender");
    serve(port.parse().expect("a port")).expect("the server stops without an error");
}

fn on_tokio(server: impl Future<Output = io::Result<()>>) -> io::Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(server)
}

/// Listens at a reserved port. Needs a tokio runtime.
fn tokio_listener(port: u16) -> io::Result<tokio::net::TcpListener> {
    shared(port).listen(1024)
}

fn listener(port: u16) -> io::Result<TcpListener> {
    tokio_listener(port)?.into_std()
}

/// The future that axum's documentation recommends.
async fn shutdown_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let ctrl_c = async { tokio::signal::ctrl_c().await.expect("a handler") };
    let terminate = async {
        signal(SignalKind::terminate()).expect("a handler").recv().await;
    };
    tokio::select! {
        () = ctrl_c => {}
        () = terminate => {}
    }
}

async fn work(milliseconds: u64) -> &'static str {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    "done\n"
}

fn app() -> Router {
    Router::new()
        .route("/ready", get(async || "ready\n"))
        .route("/work/{ms}", any(async |Path(ms): Path<u64>, _: Bytes| work(ms).await))
}

/// An accept loop by hand, with hyper-util's `GracefulShutdown`.
async fn hyper_util_server(port: u16) -> io::Result<()> {
    use hyper::{Request, Response, body::Incoming, service::service_fn};
    use hyper_util::rt::{TokioExecutor, TokioIo};
    use hyper_util::server::{conn::auto, graceful::GracefulShutdown};

    let service = async |request: Request<Incoming>| {
        let path = request.uri().path().to_owned();
        http_body_util::BodyExt::collect(request.into_body()).await?;
        let milliseconds = path.strip_prefix("/work/").and_then(|ms| ms.parse().ok());
        let body = match milliseconds {
            Some(milliseconds) => work(milliseconds).await,
            None => "ready\n",
        };
        Ok::<_, hyper::Error>(Response::new(body.to_owned()))
    };
    let listener = tokio_listener(port)?;
    let server = auto::Builder::new(TokioExecutor::new());
    let connections = GracefulShutdown::new();
    let mut shutdown = std::pin::pin!(shutdown_signal());
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let connection = server.serve_connection(TokioIo::new(stream), service_fn(service));
                tokio::spawn(connections.watch(connection.into_owned()));
            }
            () = &mut shutdown => break,
        }
    }
    drop(listener);
    connections.shutdown().await;
    Ok(())
}

async fn actix_server(port: u16) -> io::Result<()> {
    use actix_web::{App, HttpServer, web};
    let app = || {
        App::new().route("/ready", web::get().to(async || "ready\n")).route(
            "/work/{ms}",
            web::route().to(async |ms: web::Path<u64>, _: web::Bytes| work(*ms).await),
        )
    };
    HttpServer::new(app).listen(listener(port)?)?.run().await
}
