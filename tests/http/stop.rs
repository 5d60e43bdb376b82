//! What clients see of a stop.

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use axum::routing::post;

use crate::common::BOUND;
use crate::server::{BIG, Client, SECOND, start, start_app};
use crate::until;

/// Longer than any step of a test. It ends when no connection is open.
const LINGER: Duration = Duration::from_secs(15);

#[test]
fn a_request_within_the_linger_is_answered() {
    let server = start(|server| server.linger(LINGER));
    let (mut idle, mut silent) = (server.connect(), server.connect());
    let first = idle.get("/");
    assert!(first.text() == "hello" && !first.closes());
    server.shutdown.request("test");
    for client in [&mut idle, &mut silent] {
        let last = client.get("/");
        assert!(last.text() == "hello" && last.closes(), "{}", last.head);
        client.is_closed();
    }
    server.ends().expect("a clean stop");
}

#[test]
fn nobody_to_wait_for_ends_the_linger() {
    let server = start(|server| server.linger(4 * BOUND).drain(16 * BOUND));
    server.connect().get("/");
    server.stop(); // within `BOUND`
}

/// The listener closes at once, so that clients connect elsewhere.
#[test]
fn the_listener_closes_before_the_linger() {
    let server = start(|server| server.linger(LINGER));
    let mut client = server.connect();
    client.get("/");
    server.shutdown.request("test");
    let address = server.address;
    until("it refuses", || std::net::TcpStream::connect(address).is_err());
    assert_eq!(client.get("/").text(), "hello");
    server.ends().expect("a clean stop");
}

/// A connection in the backlog has been accepted by the kernel: a reset would lose its request.
#[test]
fn the_backlog_is_served() {
    let server = start(|server| server.linger(LINGER));
    // Both workers are busy, so nobody accepts.
    let (block, blocked) = std::sync::mpsc::channel::<()>();
    let blocked = std::sync::Arc::new(std::sync::Mutex::new(blocked));
    for _ in 0..2 {
        let blocked = blocked.clone();
        server.runtime.spawn(async move { _ = blocked.lock().unwrap().recv() });
    }
    let mut clients: Vec<_> = (0..100).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.ask("/");
    }
    server.shutdown.request("test");
    thread::sleep(SECOND / 10);
    drop(block);
    for mut client in clients {
        assert_eq!(client.response().text(), "hello");
    }
    server.ends().expect("a clean stop");
}

#[test]
fn connections_without_a_request_end_with_the_linger() {
    for begin in ["", "GET / HTTP/1.1\r\nhos", "PRI * HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let server = start(|server| server.linger(SECOND / 5));
        let mut client = server.connect();
        client.send(begin);
        let mut other = server.connect();
        other.get("/"); // by now the server has read the part of the head
        let took = server.stop();
        assert!(took >= SECOND / 5 && took < 10 * SECOND, "{begin:?}: {took:?}");
        if !begin.starts_with("PRI") {
            client.is_closed();
        }
    }
}

#[test]
fn a_request_that_runs_is_finished() {
    let server = start(|server| server.linger(SECOND / 5));
    let mut client = server.connect();
    client.ask("/slow");
    until("it runs", || server.requests.count() == 1);
    server.shutdown.request("test");
    thread::sleep(SECOND);
    server.release.request("now");
    let response = client.response();
    assert!(response.text() == "slow" && response.closes());
    client.is_closed();
    server.ends().expect("a clean stop");
}

#[test]
fn what_never_ends_is_cut_with_its_name() {
    let server = start(|server| server.linger(SECOND / 5).drain(SECOND));
    let (mut stream, mut slow) = (server.connect(), server.connect());
    stream.ask("/stream?secret=1").head();
    until("it is the first", || server.requests.count() == 1);
    slow.ask("/slow");
    until("both run", || server.requests.count() == 2);
    let start = Instant::now();
    server.shutdown.request("test");
    let error = server.ends().expect_err("two requests are cut");
    assert!(start.elapsed() >= SECOND);
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    let text = error.to_string();
    let words: Vec<_> = text.split(" (").collect();
    assert_eq!(words.len(), 3, "{text}");
    assert_eq!(words[0], "2 requests were cut: GET /stream");
    assert!(words[1].ends_with("), GET /slow"), "{text}");
    slow.is_closed();
}

/// hyper has the whole body, but the client has not read it.
#[test]
fn a_client_that_does_not_read_is_named() {
    let server = start(|server| server.linger(SECOND / 5).drain(SECOND));
    let mut client = server.connect();
    client.ask("/big").head();
    thread::sleep(SECOND / 5);
    server.shutdown.request("test");
    let error = server.ends().expect_err("it is cut");
    assert!(error.to_string().starts_with("1 request was cut: GET /big ("), "{error}");
}

#[test]
fn a_client_that_reads_slowly_gets_all() {
    let server = start(|server| server.linger(SECOND / 5));
    let mut client = server.connect();
    client.ask("/big").head();
    server.shutdown.request("test");
    thread::sleep(SECOND);
    let (mut bytes, mut length) = (vec![0; 1 << 20], 0);
    while length < BIG {
        let count = client.read(&mut bytes).expect("not reset");
        assert_ne!(count, 0, "closed after {length}");
        length += count;
    }
    client.is_closed();
    server.ends().expect("a clean stop");
}

/// The head of the stream went out before the shutdown request, so its client may use the connection again.
#[test]
fn after_a_stream_one_more_request_is_answered() {
    for ends_in_the_linger in [true, false] {
        let server = start(|server| server.linger(6 * SECOND));
        let (mut client, mut idle) = (server.connect(), server.connect());
        idle.get("/");
        assert!(!client.ask("/stream").head().contains("close"));
        server.shutdown.request("test");
        if ends_in_the_linger {
            thread::sleep(3 * SECOND);
            server.release.request("now");
        }
        idle.is_closed(); // the linger is over
        server.release.request("now");
        assert_eq!(client.head(), "0\r\n\r\n"); // the last chunk
        let last = client.get("/");
        assert!(last.text() == "hello" && last.closes());
        client.is_closed();
        server.ends().expect("a clean stop");
    }
}

#[test]
fn a_body_that_trickles_is_named() {
    let server = start(|server| server.linger(SECOND / 5).drain(SECOND));
    let mut client = server.connect();
    client.send("POST /length HTTP/1.1\r\nhost: here\r\ncontent-length: 1000000\r\n\r\nx");
    until("it runs", || server.requests.count() == 1);
    let mut stream = client.stream().try_clone().unwrap();
    let trickle = thread::spawn(move || {
        while stream.write_all(b"x").is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    });
    server.shutdown.request("test");
    let error = server.ends().expect_err("it is cut");
    assert!(error.to_string().starts_with("1 request was cut: POST /length ("), "{error}");
    trickle.join().unwrap();
}

/// After an early response the client still sends. Closing the socket then would reset it.
#[test]
fn an_early_response_arrives() {
    for is_stopping in [false, true] {
        let server = start(|server| server.linger(LINGER));
        let mut client = server.connect();
        let mut pipe = client.stream().try_clone().unwrap();
        let body = vec![b'x'; 4 << 20];
        if is_stopping {
            server.shutdown.request("test");
        }
        let head =
            format!("POST /early HTTP/1.1\r\nhost: here\r\ncontent-length: {}\r\n\r\n", body.len());
        let sends = thread::spawn(move || {
            pipe.write_all(head.as_bytes()).unwrap();
            pipe.write_all(&body)
        });
        sends.join().unwrap().expect("the server reads it");
        let response = client.response();
        assert_eq!((response.status(), response.text()), ("413", "too large"));
        client.is_closed();
        drop(client);
        server.stop();
    }
}

/// The server reads for a second, and not a body without an end.
#[test]
fn a_client_that_goes_on_sending_gets_the_early_response() {
    for (path, length) in [("/early", 9), ("/early/big", BIG)] {
        for expect in ["", "expect: 100-continue\r\n"] {
            let big = post(async || (StatusCode::PAYLOAD_TOO_LARGE, vec![b'x'; BIG]));
            let server = start_app(|app| app.route("/early/big", big), |server| server);
            let mut client = server.connect();
            let start = Instant::now();
            let length_of_body = u64::MAX / 2;
            client.send(format!("POST {path} HTTP/1.1\r\nhost: here\r\n{expect}"));
            client.send(format!("content-length: {length_of_body}\r\n\r\n"));
            let mut stream = client.stream().try_clone().unwrap();
            let sends = thread::spawn(move || {
                while stream.write_all(&[b'x'; 16 << 10]).is_ok() {}
                start.elapsed()
            });
            let response = client.response();
            assert_eq!((response.status(), response.body.len()), ("413", length));
            client.is_closed();
            until("it is closed", || sends.is_finished());
            let sent_for = sends.join().unwrap();
            assert!(sent_for >= SECOND, "{path} {expect}: reset after {sent_for:?}");
            server.stop();
        }
    }
}

#[test]
fn expect_continue_is_answered_early_or_continued() {
    let server = start(|server| server.linger(LINGER));
    let head = |path| {
        format!(
            "POST {path} HTTP/1.1\r\nhost: here\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n"
        )
    };
    let (mut early, mut continued) = (server.connect(), server.connect());
    server.shutdown.request("test");
    assert_eq!(early.send(head("/early")).response().status(), "413");
    early.is_closed();
    assert!(continued.send(head("/length")).head().starts_with("HTTP/1.1 100 "));
    let response = continued.send("abc").response();
    assert!(response.text() == "3" && response.closes());
    drop((early, continued));
    server.ends().expect("a clean stop");
}

#[test]
fn dropping_the_server_closes_its_connections() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let requests = signoff::InFlight::new();
    let (address, serves) = runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = signoff::ShutdownSignal::manual();
        let app = crate::server::app(shutdown.clone());
        let server = signoff::http::Server::new(listener, app).in_flight(&requests);
        (address, tokio::spawn(server.serve(shutdown)))
    });
    let (mut idle, mut slow) = (Client::connect(address), Client::connect(address));
    idle.get("/");
    slow.ask("/slow");
    until("it runs", || requests.entries().iter().any(|entry| entry.name() == "GET /slow"));
    serves.abort();
    idle.is_closed();
    slow.is_closed();
    until("no task is left", || runtime.metrics().num_alive_tasks() == 0);
}

/// Its pool may not look at an idle connection for minutes.
#[test]
fn an_idle_client_need_not_notice_the_end() {
    let post = "POST /length HTTP/1.1\r\nhost: here\r\ncontent-length: 3\r\n\r\nabc";
    let took = (0..5).map(|_| {
        let server = start(|server| server.linger(SECOND / 5));
        let mut client = server.connect();
        assert_eq!(client.send(post).response().text(), "3");
        server.stop()
    });
    let shortest = took.min().expect("a time");
    assert!(shortest < SECOND, "it waits for the client: {shortest:?}");
}

#[test]
fn a_runtime_is_needed() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let stop = signoff::ShutdownSignal::manual();
    let server = signoff::http::Server::new(listener, crate::server::app(stop.clone()));
    assert!(futures_lite::future::block_on(server.serve(stop)).is_err());
}
