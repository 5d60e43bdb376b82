//! What a connection may be: a Unix socket, TLS, with an address, upgraded.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Extension, Request};
use axum::http::{Response, StatusCode};
use axum::routing::get;
use hyper_util::rt::TokioIo;
use signoff::http::Server;
use signoff::{InFlight, InFlightGuard, ShutdownSignal};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::runtime::Builder;

use crate::server::{Client, SECOND, app, start, start_app};
use crate::until;

/// Serves while `test` runs.
fn serve(
    server: impl Future<Output = std::io::Result<()>> + Send + 'static,
    runtime: &tokio::runtime::Runtime,
    stop: &ShutdownSignal,
    test: impl FnOnce(),
) {
    let server = runtime.spawn(server);
    test();
    stop.request("test");
    runtime.block_on(server).unwrap().expect("a clean stop");
}

#[test]
fn a_unix_socket() {
    let path = std::env::temp_dir().join(format!("signoff-http-{}.sock", std::process::id()));
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let _entered = runtime.enter();
    let stop = ShutdownSignal::manual();
    let server = Server::new(UnixListener::bind(&path).unwrap(), app(stop.clone()));
    let server = server.map_request(|request, connection| {
        assert!(connection.peer().is_unnamed());
        request
    });
    let mut text = String::new();
    serve(server.serve(stop.clone()), &runtime, &stop, || {
        let mut client = UnixStream::connect(&path).unwrap();
        client.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
        client.read_to_string(&mut text).unwrap();
    });
    assert!(text.ends_with("\r\n\r\nhello"), "{text}");
    std::fs::remove_file(path).unwrap();
}

/// A handshake: the first byte of a connection is a number.
async fn first_byte(mut stream: TcpStream) -> std::io::Result<(TcpStream, u8)> {
    let number = stream.read_u8().await?;
    if number == 0 { Err(std::io::ErrorKind::InvalidData.into()) } else { Ok((stream, number)) }
}

#[test]
fn a_handshake_has_a_value_and_a_limit() {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let _entered = runtime.enter();
    let stop = ShutdownSignal::manual();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let handler = async |ConnectInfo(peer): ConnectInfo<SocketAddr>,
                         Extension(number): Extension<u8>| {
        format!("{} {number}", peer.ip())
    };
    let server = Server::new(listener, Router::new().route("/", get(handler)))
        .map_request(|mut request, connection| {
            request.extensions_mut().insert(ConnectInfo(*connection.peer()));
            request
        })
        .handshake(first_byte)
        .header_timeout(SECOND)
        .keep_alive(60 * SECOND)
        .drain(60 * SECOND);
    // The first closure knows no value, so another one is needed.
    let server = server.map_request(|mut request, connection| {
        request.extensions_mut().insert(ConnectInfo(*connection.peer()));
        request.extensions_mut().insert(*connection.info());
        request
    });
    serve(server.serve(stop.clone()), &runtime, &stop, || {
        let mut client = Client::connect(address);
        assert_eq!(client.send([7]).get("/").text(), "127.0.0.1 7");
        Client::connect(address).send([0]).is_closed();
        Client::connect(address).is_closed(); // the handshake times out
        drop(client);
    });
}

#[test]
fn a_handshake_does_not_delay_a_stop() {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let _entered = runtime.enter();
    let stop = ShutdownSignal::manual();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::new(listener, app(stop.clone())).handshake(first_byte);
    let server = server.header_timeout(100 * SECOND).linger(SECOND / 5).drain(100 * SECOND);
    let mut client = None;
    serve(server.serve(stop.clone()), &runtime, &stop, || {
        client = Some(Client::connect(address));
        assert_eq!(Client::connect(address).send([1]).get("/").text(), "hello");
    });
    client.unwrap().is_closed();
}

/// Echoes what comes, and counts while it does.
async fn echo(mut request: Request) -> Response<String> {
    let guard = request.extensions().get::<InFlightGuard>().cloned();
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let _guard = guard;
        let mut stream = TokioIo::new(upgrade.await.expect("an upgrade"));
        let mut bytes = [0; 64];
        while let Ok(count @ 1..) = stream.read(&mut bytes).await {
            stream.write_all(&bytes[..count]).await.expect("written");
        }
    });
    let response = Response::builder().status(StatusCode::SWITCHING_PROTOCOLS);
    response.header("connection", "upgrade").header("upgrade", "echo").body(String::new()).unwrap()
}

const UPGRADE: &str =
    "GET /echo HTTP/1.1\r\nhost: here\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n";

fn echoes(client: &mut Client) {
    let mut bytes = [0; 4];
    client.send("ping").read(&mut bytes).expect("an echo");
    assert_eq!(&bytes, b"ping");
}

#[test]
fn a_stop_waits_for_an_upgrade_that_keeps_its_guard() {
    const LIMIT: Duration = Duration::from_secs(2); // longer than a step of this test
    let server = start_app(
        |app| app.route("/echo", get(echo)),
        |server| server.linger(LIMIT).header_timeout(LIMIT).keep_alive(LIMIT),
    );
    let mut client = server.connect();
    let mut during_the_linger = server.connect();
    during_the_linger.get("/");
    let head = client.send(UPGRADE).head();
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    server.shutdown.request("test");
    let head = during_the_linger.send(UPGRADE).head();
    assert!(!head.to_ascii_lowercase().contains("connection: close"), "{head}");
    std::thread::sleep(LIMIT + SECOND); // no limit is left
    assert_eq!(server.requests.count(), 2);
    [&mut client, &mut during_the_linger].into_iter().for_each(echoes);
    drop((client, during_the_linger));
    server.ends().expect("a clean stop");
}

#[test]
fn an_upgrade_that_does_not_end_is_named() {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, requests) = (ShutdownSignal::manual(), InFlight::new());
    let app = Router::new().route("/echo", get(echo));
    let server = Server::new(listener, app).in_flight(&requests).drain(SECOND / 2);
    let server = runtime.spawn(server.serve(stop.clone()));
    let mut client = Client::connect(address);
    client.send(UPGRADE).head();
    echoes(&mut client);
    stop.request("test");
    let error = runtime.block_on(server).unwrap().expect_err("it is named");
    assert!(error.to_string().starts_with("1 request was cut: GET /echo ("), "{error}");
    echoes(&mut client); // it belongs to the program
}

/// The same with a body that is read: the connection is not idle, and has no head.
#[test]
fn pipelined_requests_are_answered() {
    let server = start(|server| server.linger(SECOND));
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n".repeat(3));
    for _ in 0..3 {
        assert_eq!(client.response().text(), "hello");
    }
    client.ask("/slow").ask("/");
    until("it runs", || server.requests.count() == 1);
    server.release.request("now");
    assert_eq!(client.response().text(), "slow");
    assert_eq!(client.response().text(), "hello");
    drop(client);
    assert!(server.stop() < Duration::from_secs(20));
}
