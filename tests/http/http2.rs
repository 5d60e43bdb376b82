//! HTTP/2: the server says GOAWAY and waits for streams, not for silent clients.

use std::net::SocketAddr;
use std::sync::mpsc::channel;

use axum::body::Bytes;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use h2::client::{self, SendRequest};
use signoff::ShutdownSignal;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpSocket;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

use crate::server::{SECOND, Started, start, start_app};
use crate::until;

/// How much a client takes before it reads.
pub(crate) const WINDOW: u32 = 1 << 16;

/// A client on a runtime of its own.
pub(crate) struct Client {
    runtime: Runtime,
    requests: SendRequest<Bytes>,
    connection: JoinHandle<Result<(), h2::Error>>,
}

impl Client {
    fn connect(address: SocketAddr) -> Self {
        Self::with_window(address, WINDOW)
    }

    fn with_window(address: SocketAddr, window: u32) -> Self {
        let stream = async {
            let socket = TcpSocket::new_v4().unwrap();
            socket.set_recv_buffer_size(1 << 14).unwrap(); // the server has the rest
            socket.connect(address).await.unwrap()
        };
        Self::over(stream, window)
    }

    pub(crate) fn over<S>(stream: impl Future<Output = S>, window: u32) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (requests, connection) = runtime.block_on(async {
            let mut client = client::Builder::new();
            client.initial_window_size(window).initial_connection_window_size(window);
            let (requests, connection) = client.handshake(stream.await).await.unwrap();
            (requests.ready().await.unwrap(), tokio::spawn(connection))
        });
        Self { runtime, requests, connection }
    }

    fn ask(&mut self, path: &str) -> client::ResponseFuture {
        let request = Request::get(format!("http://here{path}")).body(()).unwrap();
        self.requests.send_request(request, true).expect("the connection is open").0
    }

    /// Waits for the GOAWAY. From then on, the client opens no stream here.
    fn is_refused(&self) {
        until("it gets a GOAWAY", || {
            let ready = self.runtime.block_on(self.requests.clone().ready());
            ready.is_err_and(|error| error.is_go_away())
        });
    }

    fn response(&mut self, response: client::ResponseFuture) -> (StatusCode, Vec<u8>) {
        self.runtime.block_on(async {
            let (head, mut body) = response.await.expect("a response").into_parts();
            assert!(!head.headers.contains_key("connection"), "not for HTTP/2");
            let mut bytes = Vec::new();
            while let Some(chunk) = body.data().await {
                let chunk = chunk.expect("a body");
                body.flow_control().release_capacity(chunk.len()).unwrap();
                bytes.extend(chunk);
            }
            (head.status, bytes)
        })
    }
}

#[test]
fn a_stream_is_finished_and_new_ones_are_refused() {
    let server = start(|server| server.linger(2 * SECOND));
    let client = Client::connect(server.address);
    finishes_a_stream(server, client).expect("closed in order");
}

/// The linger has to be long enough for a request. Returns how the connection of the client ended.
pub(crate) fn finishes_a_stream(server: Started, mut client: Client) -> Result<(), h2::Error> {
    let slow = client.ask("/slow");
    until("it runs", || server.requests.count() == 1);
    server.shutdown.request("test");
    let within_the_linger = client.ask("/");
    assert_eq!(client.response(within_the_linger), (StatusCode::OK, b"hello".to_vec()));
    client.is_refused();
    server.release.request("now");
    assert_eq!(client.response(slow), (StatusCode::OK, b"slow".to_vec()));
    server.ends().expect("a clean stop");
    client.runtime.block_on(client.connection).unwrap()
}

#[test]
fn an_idle_connection_gets_a_goaway() {
    let server = start(|server| server.linger(SECOND / 5));
    let mut client = Client::connect(server.address);
    let first = client.ask("/");
    client.response(first);
    assert!(server.stop() < 10 * SECOND);
    client.runtime.block_on(client.connection).unwrap().expect("closed in order");
}

const BEGIN: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// A GET of `/` without an authority: indexed fields of the static table.
const GET: [u8; 12] = [0, 0, 3, 1, 5, 0, 0, 0, 1, 0x82, 0x84, 0x86];

/// hyper waits for the answer to a ping.
#[test]
fn a_silent_client_is_closed_soon() {
    let server = start(|server| server.linger(SECOND / 5));
    let mut client = server.connect();
    client.send(BEGIN).send(GET);
    until("it is answered", || bytes_contain(&client, b"hello"));
    let took = server.stop();
    assert!(took < 10 * SECOND, "{took:?}");
}

/// The client has sent it before it reads the GOAWAY.
#[test]
fn a_request_that_meets_the_goaway_is_answered() {
    let server = start(|server| server.linger(2 * SECOND));
    let mut client = server.connect();
    client.send(BEGIN);
    server.shutdown.request("test");
    until("it gets the GOAWAY", || bytes_contain(&client, &[0, 0, 8, 7, 0, 0, 0, 0, 0]));
    client.send(GET);
    until("it is answered", || bytes_contain(&client, b"hello"));
    server.ends().expect("a clean stop");
}

fn bytes_contain(client: &crate::server::Client, words: &[u8]) -> bool {
    let mut bytes = [0; 512];
    let length = client.stream().peek(&mut bytes).expect("open");
    bytes[..length].windows(words.len()).any(|window| window == words)
}

#[test]
fn a_stream_that_never_ends_is_cut_with_its_name() {
    let server = start(|server| server.linger(SECOND / 5).drain(SECOND));
    let mut client = Client::connect(server.address);
    let _stream = client.ask("/stream");
    until("it runs", || server.requests.count() == 1);
    server.shutdown.request("test");
    let error = server.ends().expect_err("it is cut");
    assert!(error.to_string().starts_with("1 request was cut: GET /stream ("), "{error}");
}

/// The system has taken the last response, and the client opens its window while it reads that. A socket that
/// is closed by then would reset the connection.
#[test]
fn a_client_that_reads_late_gets_the_last_response() {
    const LENGTH: u32 = 1 << 18;
    let release = ShutdownSignal::manual();
    let signal = release.clone();
    let late = get(async move || {
        signal.await;
        vec![b'x'; LENGTH as usize]
    });
    let server = start_app(|app| app.route("/late", late), |server| server.linger(SECOND));
    let mut client = Client::with_window(server.address, LENGTH);
    let response = client.ask("/late");
    until("it runs", || server.requests.count() == 1);
    server.shutdown.request("test");
    client.is_refused();
    // The only worker of the client is blocked, so that it does not read.
    let ((blocks, blocked), (block, unblocked)) = (channel(), channel::<()>());
    client.runtime.spawn(async move {
        blocks.send(()).unwrap();
        _ = unblocked.recv();
    });
    blocked.recv().unwrap();
    release.request("now");
    until("it is sent", || server.requests.count() == 0);
    drop(block);
    let (status, body) = client.response(response);
    assert_eq!((status, body.len()), (StatusCode::OK, LENGTH as usize));
    server.ends().expect("a clean stop");
}

/// The body waits in the server until the client opens its window.
#[test]
fn a_client_that_does_not_read_is_not_idle() {
    let server = start(|server| server.linger(SECOND / 5).drain(2 * SECOND));
    let mut client = Client::connect(server.address);
    let big = client.ask("/big");
    until("it runs", || server.requests.count() == 1);
    server.shutdown.request("test");
    let head = client.runtime.block_on(big).expect("a response");
    let error = server.ends().expect_err("it is cut");
    assert!(error.to_string().starts_with("1 request was cut: GET /big ("), "{error}");
    drop(head);
}

#[test]
fn bursts_of_resets_leave_nothing_behind() {
    let server = start(|server| server.linger(SECOND / 5));
    for _ in 0..20 {
        let mut client = Client::connect(server.address);
        for _ in 0..100 {
            let request = Request::get("http://here/slow").body(()).unwrap();
            // The server ends the connection if there are too many.
            let Ok((response, mut stream)) = client.requests.send_request(request, true) else {
                break;
            };
            stream.send_reset(h2::Reason::CANCEL);
            drop(response);
        }
        until("the resets are seen", || server.requests.count() == 0);
    }
    server.connect().get("/");
    server.stop();
}
