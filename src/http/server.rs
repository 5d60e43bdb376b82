//! The server that users build.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;

use super::connection::{Connection, Handshaken, Limits};
use super::io::Io;
use super::listener::Listener;
use super::service::HttpService;
use crate::error::Error;
use crate::hooks::builder::DEFAULT_BUDGET;
use crate::hooks::{ExitOn, ProgramDeadline};
use crate::in_flight::InFlight;
use crate::signal::ShutdownSignal;

/// A server for HTTP/1 and HTTP/2 that loses no request when it stops.
///
/// [`ExitOn::serve`] runs it with hooks, and [`serve`](Self::serve) without. The
/// [page of this module](crate::http) explains how it stops.
///
/// ```no_run
/// use axum::{Router, routing::get};
/// use signoff::{Hooks, ShutdownSignal, Tokio, http::Server};
/// use tokio::net::TcpListener;
///
/// #[tokio::main]
/// async fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let shutdown = ShutdownSignal::listen(Tokio)?;
///     let app = Router::new().route("/", get(async || "hello\n"));
///     let listener = TcpListener::bind("127.0.0.1:3000").await?;
///     Hooks::new().exit_on(shutdown).serve(Server::new(listener, app)).await?;
///     Ok(())
/// }
/// ```
#[must_use = "a server does nothing until it serves"]
pub struct Server<L: Listener, S, V = ()> {
    pub(super) listener: L,
    pub(super) options: Options<L, S, V>,
}

/// The parts of a server beside its listener.
pub(super) struct Options<L: Listener, S, V> {
    pub(super) service: S,
    pub(super) limits: Limits,
    pub(super) drain: Option<Duration>,
    pub(super) requests: InFlight,
    pub(super) handshake: Handshake<L::Io, V>,
    pub(super) map: Option<MapRequest<L::Address, V>>,
}

/// Returns `None` if the handshake failed: its client has seen why.
type Handshake<I, V> = Box<dyn FnMut(I) -> Handshaking<V> + Send>;
pub(super) type Handshaking<V> = Pin<Box<dyn Future<Output = Option<(Box<dyn Io>, V)>> + Send>>;

type MapRequest<A, V> =
    Arc<dyn Fn(Request<Incoming>, &Connection<A, V>) -> Request<Incoming> + Send + Sync>;

impl<L: Listener, S> Server<L, S> {
    /// Creates a server for a tokio `TcpListener` or `UnixListener`. On TCP it sets `TCP_NODELAY`.
    ///
    /// `service` is any tower service of HTTP requests, such as axum's `Router` or tonic's `Routes`.
    pub fn new(listener: L, service: S) -> Self {
        let limits = Limits {
            header: Duration::from_secs(10),
            keep_alive: Duration::from_secs(75),
            linger: Duration::from_millis(500),
        };
        let handshake =
            |io| -> Handshaking<()> { Box::pin(async { Some((Box::new(io) as Box<dyn Io>, ())) }) };
        let options = Options {
            service,
            limits,
            drain: None,
            requests: InFlight::new(),
            handshake: Box::new(handshake),
            map: None,
        };
        Self { listener, options }
    }

    /// Sets a handshake that precedes HTTP on each connection, such as TLS or the PROXY protocol.
    ///
    /// `handshake` runs in the task of its connection, and may take as long as a
    /// [head](Self::header_timeout). It returns the stream, or the stream and a value that
    /// [`map_request`](Self::map_request) gets. If it fails, the connection is closed.
    ///
    /// ```no_run
    /// # use signoff::http::Server;
    /// # use tokio::net::{TcpListener, TcpStream};
    /// # #[derive(Clone)] struct Acceptor;
    /// # impl Acceptor { async fn accept(&self, tcp: TcpStream) -> std::io::Result<TcpStream> { Ok(tcp) } }
    /// # fn server(listener: TcpListener, app: axum::Router, acceptor: Acceptor) {
    /// let server = Server::new(listener, app).handshake(async move |tcp| acceptor.accept(tcp).await);
    /// # drop(server);
    /// # }
    /// ```
    pub fn handshake<F, R, T, E, K>(self, handshake: F) -> Server<L, S, T::Info>
    where
        F: FnOnce(L::Io) -> R + Clone + Send + 'static,
        R: Future<Output = Result<T, E>> + Send,
        T: Handshaken<K>,
    {
        let handshake = move |io| -> Handshaking<T::Info> {
            let handshake = handshake.clone();
            Box::pin(async move {
                let (stream, info) = handshake(io).await.ok()?.into_parts();
                Some((Box::new(stream) as Box<dyn Io>, info))
            })
        };
        // It was set before there was a value.
        let map = self.options.map.map(|map| -> MapRequest<L::Address, T::Info> {
            Arc::new(move |request: Request<Incoming>, connection| {
                map(request, &Connection { peer: Arc::clone(&connection.peer), info: () })
            })
        });
        let Self { listener, options: Options { service, limits, drain, requests, .. } } = self;
        let handshake = Box::new(handshake);
        Server { listener, options: Options { service, limits, drain, requests, handshake, map } }
    }
}

impl<L: Listener, S, V> Server<L, S, V> {
    /// Sets how long open connections stay open when the server stops, so that requests on their way
    /// arrive. The default is 500 ms.
    ///
    /// The linger is at most a quarter of the time that the server has. There is none after a SIGINT, a
    /// closed standard input or the exit of the parent. Later, HTTP/2 clients have this time to answer a
    /// GOAWAY, and HTTP/1 clients to send a request after a response that began before the stop.
    pub fn linger(mut self, linger: Duration) -> Self {
        self.options.limits.linger = linger;
        self
    }

    /// Sets how long a client may take for a request's head, from its first byte. The default is 10 s.
    ///
    /// It is also the limit of an HTTP/2 preface and of a [handshake](Self::handshake).
    pub fn header_timeout(mut self, timeout: Duration) -> Self {
        self.options.limits.header = timeout;
        self
    }

    /// Sets how long a connection may be idle, or send nothing at first. The default is 75 s.
    ///
    /// The connection is closed at this time, or up to a [header timeout](Self::header_timeout) later. A
    /// connection of HTTP/2 gets a GOAWAY then. The time has to be longer than the time that clients and
    /// balancers keep idle connections, or they lose requests.
    pub fn keep_alive(mut self, timeout: Duration) -> Self {
        self.options.limits.keep_alive = timeout;
        self
    }

    /// Sets how long the server may take to stop. Then it cuts the requests that still run.
    ///
    /// This counts from the shutdown request, or from the end of the delays of
    /// [`keep_serving`](crate::Hooks::keep_serving). [`serve`](Self::serve) takes 8 s by default, and 4 s
    /// on Windows. In [`ExitOn::serve`] the share of `main` in the budget is a limit, too.
    pub fn drain(mut self, drain: Duration) -> Self {
        self.options.drain = Some(drain);
        self
    }

    /// Counts the requests in this [`InFlight`], in place of one of the server's own.
    ///
    /// The server returns when nothing is in flight there, or when its time is over.
    pub fn in_flight(mut self, requests: &InFlight) -> Self {
        self.options.requests = requests.clone();
        self
    }

    /// Sets a function that prepares each request for the service. It sees the request's connection.
    ///
    /// ```no_run
    /// # use signoff::http::Server;
    /// # fn server(listener: tokio::net::TcpListener, app: axum::Router) {
    /// let server = Server::new(listener, app).map_request(|mut request, connection| {
    ///     request.extensions_mut().insert(axum::extract::ConnectInfo(*connection.peer()));
    ///     request
    /// });
    /// # drop(server);
    /// # }
    /// ```
    pub fn map_request<F>(mut self, map: F) -> Self
    where
        F: Fn(Request<Incoming>, &Connection<L::Address, V>) -> Request<Incoming>
            + Send
            + Sync
            + 'static,
    {
        self.options.map = Some(Arc::new(map));
        self
    }
}

impl<L: Listener, S: HttpService, V: Send + Sync + 'static> Server<L, S, V> {
    /// Serves until the shutdown is requested, and until all requests have ended.
    ///
    /// No connection is left when it returns, except those that were upgraded. If this future is
    /// dropped, connections are closed.
    ///
    /// # Errors
    ///
    /// Returns [`TimedOut`](io::ErrorKind::TimedOut) with the names of the requests that were cut, if
    /// they run longer than [`drain`](Self::drain). Returns an error if it is not called in a tokio
    /// runtime.
    pub async fn serve(mut self, shutdown: ShutdownSignal) -> io::Result<()> {
        self.options.drain.get_or_insert(DEFAULT_BUDGET);
        self.run(shutdown, ProgramDeadline::default()).await
    }
}

impl ExitOn {
    /// Does the same as [`run`](Self::run) with an HTTP server.
    ///
    /// The server stops when the delays of [`keep_serving`](crate::Hooks::keep_serving) are over, and
    /// [loses no request](crate::http). Its requests are in flight for the report. A quarter of a
    /// second before its deadline the server cuts the requests that still run, and `main` has failed
    /// with their names.
    ///
    /// # Errors
    ///
    /// As for [`run`](Self::run).
    pub async fn serve<L, S, V>(self, server: Server<L, S, V>) -> Result<(), Error>
    where
        L: Listener,
        S: HttpService,
        V: Send + Sync + 'static,
    {
        let requests = server.options.requests.clone();
        self.in_flight(&requests)
            .run_with_deadline(|drain, deadline| server.run(drain, deadline))
            .await
    }
}

impl<L: Listener + fmt::Debug, S, V> fmt::Debug for Server<L, S, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("listener", &self.listener)
            .field("limits", &self.options.limits)
            .field("requests", &self.options.requests)
            .finish_non_exhaustive()
    }
}
