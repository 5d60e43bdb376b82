//! How long heads, prefaces and idle connections may take.

use std::thread;
use std::time::{Duration, Instant};

use crate::server::{SECOND, start};

const SHORT: Duration = Duration::from_millis(200);

#[test]
fn an_idle_connection_outlives_the_limit_of_a_head() {
    let server = start(|server| server.header_timeout(SHORT));
    let mut client = server.connect();
    for _ in 0..2 {
        thread::sleep(3 * SHORT); // longer than any limit that would be wrong
        assert_eq!(client.get("/").text(), "hello");
    }
    server.stop();
}

#[test]
fn a_head_has_a_limit_from_its_first_byte() {
    for (name, begin) in [("first", ""), ("second", "GET / HTTP/1.1\r\n\r\n"), ("preface", "")] {
        let server = start(|server| server.header_timeout(2 * SHORT));
        let mut client = server.connect();
        if !begin.is_empty() {
            assert_eq!(client.send(begin).response().text(), "hello");
        }
        thread::sleep(3 * SHORT); // does not count
        let start = Instant::now();
        client.send(if name == "preface" { "PRI * HT" } else { "GET / HTTP/1.1\r\nhost" });
        client.is_closed();
        assert!(start.elapsed() >= 2 * SHORT, "{name}: {:?}", start.elapsed());
        server.stop();
    }
}

/// Each byte would begin the time again.
#[test]
fn a_head_that_trickles_has_the_same_limit() {
    let server = start(|server| server.header_timeout(2 * SHORT));
    let mut client = server.connect();
    client.stream().set_nodelay(true).unwrap();
    let mut stream = client.stream().try_clone().unwrap();
    let trickle = thread::spawn(move || {
        use std::io::Write;
        stream.write_all(b"GET / HTTP/1.1\r\n").unwrap();
        while stream.write_all(b"a:b\r\n").is_ok() {
            thread::sleep(SHORT / 4);
        }
    });
    // It is closed while bytes are on their way, so it may be reset.
    assert_eq!(client.read(&mut [0; 1]).unwrap_or(0), 0);
    trickle.join().unwrap();
    server.stop();
}

/// With the default limits: a request after that is answered, although a head may take only 10 s.
#[test]
fn fifteen_seconds_of_silence_close_nothing() {
    let server = start(|server| server);
    let (mut idle, silent) = (server.connect(), server.connect());
    assert_eq!(idle.get("/").text(), "hello");
    thread::sleep(15 * SECOND);
    for mut client in [idle, silent] {
        assert_eq!(client.get("/").text(), "hello");
    }
    server.stop();
}

#[test]
fn idle_and_silent_connections_are_closed_in_the_end() {
    let server = start(|server| server.keep_alive(5 * SHORT).header_timeout(60 * SECOND));
    let start = Instant::now();
    let (mut silent, mut idle) = (server.connect(), server.connect());
    assert_eq!(idle.get("/").text(), "hello");
    silent.is_closed();
    idle.is_closed();
    assert!(start.elapsed() >= 5 * SHORT);
    server.stop();
}

#[test]
fn each_request_begins_the_idle_time_anew() {
    let server = start(|server| server.keep_alive(4 * SECOND));
    let mut client = server.connect();
    for _ in 0..3 {
        assert_eq!(client.get("/").text(), "hello");
        thread::sleep(5 * SECOND / 2); // two are longer than the limit
    }
    server.stop();
}

/// The time between two requests counts, not the time of a request.
#[test]
fn a_request_has_no_limit() {
    let server = start(|server| server.keep_alive(5 * SHORT).header_timeout(SHORT));
    let mut client = server.connect();
    client.ask("/slow");
    thread::sleep(8 * SHORT);
    server.release.request("now");
    assert_eq!(client.response().text(), "slow");
    client.is_closed();
    server.stop();
}
