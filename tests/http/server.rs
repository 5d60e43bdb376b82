//! A server in this process, and clients with plain sockets.

use std::convert::Infallible;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::pin::Pin;
use std::sync::mpsc;
use std::task::{Context, Poll};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use signoff::http::Server;
use signoff::{InFlight, ShutdownSignal};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Handle};

use crate::common::BOUND;
use crate::until;

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// More than the buffers of a connection take.
pub(crate) const BIG: usize = 32 << 20;

pub(crate) struct Started {
    pub(crate) address: SocketAddr,
    pub(crate) shutdown: ShutdownSignal,
    /// Handlers of `/slow` and bodies of `/stream` wait for it.
    pub(crate) release: ShutdownSignal,
    pub(crate) requests: InFlight,
    pub(crate) runtime: Handle,
    ended: JoinHandle<io::Result<()>>,
}

pub(crate) type Plain = Server<TcpListener, Router>;

/// Starts a server with two workers. Its drain may take as long as a test.
pub(crate) fn start(options: impl FnOnce(Plain) -> Plain + Send + 'static) -> Started {
    start_app(|app| app, options)
}

/// Starts a server with another service.
pub(crate) fn start_app(
    change: impl FnOnce(Router) -> Router,
    options: impl FnOnce(Plain) -> Plain + Send + 'static,
) -> Started {
    let (shutdown, release) = (ShutdownSignal::manual(), ShutdownSignal::manual());
    let requests = InFlight::new();
    let app = change(app(release.clone()));
    let (started, starts) = mpsc::channel();
    let (stop, count) = (shutdown.clone(), requests.clone());
    let ended = thread::spawn(move || {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            started.send((listener.local_addr().unwrap(), Handle::current())).unwrap();
            let server = Server::new(listener, app).in_flight(&count).drain(2 * BOUND);
            let ended = options(server).serve(stop).await;
            // tokio counts a task a moment longer than its future lives.
            let metrics = Handle::current().metrics();
            until("no task is left behind", || metrics.num_alive_tasks() == 0);
            ended
        })
    });
    let (address, runtime) = starts.recv().unwrap();
    Started { address, shutdown, release, requests, runtime, ended }
}

impl Started {
    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    pub(crate) fn try_connect(&self) -> io::Result<Client> {
        Client::try_connect(self.address)
    }

    /// Requests the shutdown and waits for the server. Returns how long it took.
    #[track_caller]
    pub(crate) fn stop(self) -> Duration {
        let start = Instant::now();
        self.shutdown.request("test");
        self.ends().expect("a clean stop");
        start.elapsed()
    }

    #[track_caller]
    pub(crate) fn ends(self) -> io::Result<()> {
        let deadline = Instant::now() + BOUND;
        while !self.ended.is_finished() {
            assert!(Instant::now() < deadline, "the server does not stop: {:?}", self.requests);
            thread::sleep(Duration::from_millis(2));
        }
        let ended = self.ended.join().expect("serve does not panic");
        if ended.is_ok() {
            assert_eq!(self.requests.count(), 0, "{:?}", self.requests);
        }
        ended
    }
}

pub(crate) fn app(release: ShutdownSignal) -> Router {
    Router::new()
        .route("/", get(async || "hello"))
        .route(
            "/slow",
            get(async |State(release): State<ShutdownSignal>| {
                release.await;
                "slow"
            }),
        )
        .route("/stream", get(async |State(release)| Body::new(Stream(release))))
        .route("/big", get(async || vec![b'x'; BIG]))
        .route("/panic", get(async || -> &'static str { panic!("a bug") }))
        .route("/length", post(async |body: Bytes| body.len().to_string()))
        .route("/early", post(async || (StatusCode::PAYLOAD_TOO_LARGE, "too large")))
        .with_state(release)
}

/// A body without a frame, which ends when it is released.
#[derive(Clone)]
pub(crate) struct Stream(pub(crate) ShutdownSignal);

impl HttpBody for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Infallible>>> {
        Pin::new(&mut self.0).poll(cx).map(|()| None)
    }
}

pub(crate) struct Client(BufReader<TcpStream>);

pub(crate) struct Response {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn status(&self) -> &str {
        self.head.split(' ').nth(1).expect("a status")
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a text")
    }

    pub(crate) fn closes(&self) -> bool {
        self.head.to_ascii_lowercase().contains("\r\nconnection: close\r\n")
    }
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address).expect("it listens")
    }

    pub(crate) fn try_connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(BOUND))?;
        stream.set_write_timeout(Some(BOUND))?;
        Ok(Self(BufReader::new(stream)))
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.0.get_mut().write_all(bytes.as_ref()).expect("sent");
        self
    }

    pub(crate) fn ask(&mut self, path: &str) -> &mut Self {
        self.send(format!("GET {path} HTTP/1.1\r\nhost: here\r\n\r\n"))
    }

    #[track_caller]
    pub(crate) fn get(&mut self, path: &str) -> Response {
        self.ask(path).response()
    }

    #[track_caller]
    pub(crate) fn response(&mut self) -> Response {
        let head = self.head();
        let lower = head.to_ascii_lowercase();
        let length = lower
            .split("content-length: ")
            .nth(1)
            .map_or(0, |rest| rest.split("\r\n").next().unwrap().parse().expect("a length"));
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).expect("a body");
        Response { head, body }
    }

    #[track_caller]
    pub(crate) fn head(&mut self) -> String {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(self.0.read_line(&mut head).expect("a head"), 0, "closed after {head:?}");
        }
        head
    }

    pub(crate) fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.read(bytes)
    }

    /// Waits until the server closes the connection, without a byte more.
    #[track_caller]
    pub(crate) fn is_closed(&mut self) {
        assert_eq!(self.0.read(&mut [0]).expect("closed, not reset"), 0);
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        self.0.get_ref()
    }
}
