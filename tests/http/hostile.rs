//! Clients that mean no good, and a system that is short of descriptors.

use std::fs::{self, File};
use std::time::Instant;
use std::{iter, thread};

use libc::rlim_t;
use signoff::{InFlight, ShutdownSignal};

use crate::common::{cases, say};
use crate::layers::spawn_axum;
use crate::server::{Client, SECOND, app, start};
use crate::until;

/// Of this process.
fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").expect("Linux").count()
}

/// Returns how many descriptors the process may open.
fn limit_descriptors(limit: impl FnOnce(rlim_t) -> rlim_t) -> rlim_t {
    let mut limits = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointer is to a live struct.
    assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limits) }, 0);
    limits.rlim_cur = limit(limits.rlim_max);
    // SAFETY: as above.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limits) }, 0);
    limits.rlim_cur
}

cases! {
    connections_that_come_and_go_leave_no_descriptor: |case| case.passes(), || {
        let server = start(|server| server);
        server.connect().get("/");
        until("the first is closed", || server.requests.count() == 0);
        let before = descriptors();
        for round in 0..500 {
            let mut clients: Vec<_> = (0..5).map(|_| server.connect()).collect();
            clients[0].get("/");
            clients[1].send("GET / HTT");
            clients[2].send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
            clients[3].ask("/slow");
            if round % 2 == 0 {
                clients[4].ask("/stream").head();
            }
        }
        until("all are closed", || descriptors() <= before);
        until("none is counted", || server.requests.count() == 0);
        let runtime = server.runtime.clone();
        until("no task is left", || runtime.metrics().num_alive_tasks() == 0);
        server.stop();
    };

    slow_heads_delay_nobody: |case| case.passes(), || {
        let limit = limit_descriptors(|most| most.min(4096));
        let count = usize::try_from(limit / 4).unwrap().min(1000);
        let server = start(|server| server.linger(SECOND / 2));
        let slow: Vec<_> = (0..count)
            .map(|number| {
                let mut client = server.connect();
                client.send(["GET / HTTP/1.1\r\nhos", "PRI * HTTP/2.0\r\n", ""][number % 3]);
                client
            })
            .collect();
        assert_eq!(server.connect().get("/").text(), "hello");
        let took = server.stop();
        assert!(took < 10 * SECOND, "{took:?}");
        drop(slow);
    };

    too_many_connections_wait: |case| case.passes(), || {
        let server = start(|server| server);
        server.connect().get("/");
        // A client and the server need two each.
        let here = rlim_t::try_from(descriptors()).unwrap();
        limit_descriptors(|_| here + 31);
        // The server may be so fast that the clients meet the limit first.
        let connections = iter::repeat_with(|| server.try_connect()).take(20);
        let mut clients: Vec<_> = connections.map_while(Result::ok).collect();
        assert!(clients.len() > 10);
        clients[0].get("/");
        let mut last = clients.pop().expect("a client");
        last.ask("/");
        thread::sleep(SECOND / 2); // the server meets the limit
        drop(clients);
        assert_eq!(last.response().text(), "hello");
        drop(last);
        server.stop();
    };

    the_backlog_waits_for_descriptors: |case| case.passes(), || {
        let server = start(|server| server.linger(15 * SECOND));
        limit_descriptors(|most| most.min(256));
        let mut files: Vec<_> = iter::from_fn(|| File::open("/dev/null").ok()).collect();
        files.pop(); // for the client
        let mut client = server.connect();
        client.ask("/");
        server.shutdown.request("test");
        thread::sleep(SECOND / 2); // the server meets the limit
        drop(files);
        assert_eq!(client.response().text(), "hello");
        drop(client);
        server.ends().expect("a clean stop");
    };

    a_panic_ends_its_connection: |case| {
        let child = case.start();
        for _ in 0..2 {
            child.expect("closed");
        }
        child.expect("goes on");
        child.passes();
    }, || {
        crate::common::silence_panics();
        let server = start(|server| server);
        for _ in 0..2 {
            server.connect().ask("/panic").is_closed();
            say("closed");
        }
        until("none is counted", || server.requests.count() == 0);
        assert_eq!(server.connect().get("/").text(), "hello");
        // Its thread counts the requests of another server.
        let others = InFlight::new();
        let app = app(ShutdownSignal::manual()).layer(others.layer());
        let (address, other) = spawn_axum(&server.runtime, app);
        let mut clients = Vec::new();
        for count in 1..=8 {
            let mut client = Client::connect(address);
            client.ask("/stream").head();
            until("it is counted", || others.count() == count);
            clients.push(client);
        }
        other.abort();
        drop(clients);
        say("goes on");
        server.stop();
    };
}

#[test]
fn a_long_path_is_cut_in_the_report() {
    let server = start(|server| server.drain(SECOND / 2));
    let mut client = server.connect();
    // 0x9b begins a control sequence on some terminals.
    client.send(b"GET /stream/");
    client.send("%1b[31m").send("x".repeat(60_000)).send(" HTTP/1.1\r\nhost: here\r\n\r\n");
    assert_eq!(client.response().status(), "404");
    let mut client = Client::connect(server.address);
    client.send(format!("GET /stream?{} HTTP/1.1\r\nhost: here\r\n\r\n", "x".repeat(60_000)));
    client.head();
    until("it runs", || server.requests.count() == 1);
    let start = Instant::now();
    server.shutdown.request("test");
    let error = server.ends().expect_err("it is cut").to_string();
    assert!(error.starts_with("1 request was cut: GET /stream (") && error.len() < 100, "{error}");
    assert!(start.elapsed() < 10 * SECOND);
}

#[test]
fn control_characters_are_refused() {
    let server = start(|server| server);
    for path in ["/\u{1b}[31m", "/\u{7f}", "/\0"] {
        let response = server.connect().get(path);
        assert_eq!(response.status(), "400");
    }
    server.stop();
}
