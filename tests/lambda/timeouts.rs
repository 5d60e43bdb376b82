//! A registration ends within its timeout.

use std::net::TcpListener;
use std::time::Duration;

use super::fake::{self, Api, registered};
use super::function::{SHORT, start};
use super::{BOUND, is, registers};

/// The registration fails with this kind of error, after its timeout and not much later.
#[track_caller]
fn fails_at_the_timeout(api: &Api, way: &str, kind: &str, words: &[&str]) {
    let function = start(api.address.to_string(), way, SHORT);
    is(&function.line(), kind, words);
    let took = Duration::from_millis(function.line().parse().expect("a number"));
    assert!((SHORT..BOUND / 3).contains(&took), "{took:?}");
    function.ends();
}

#[track_caller]
fn times_out(api: &Api, way: &str) {
    fails_at_the_timeout(api, way, "TimedOut", &["no complete response within 300ms"]);
}

#[test]
fn without_a_response() {
    times_out(&Api::new("127.0.0.1:0", fake::hang), "plain");
}

#[test]
fn in_many_threads_at_a_time() {
    times_out(&Api::new("127.0.0.1:0", fake::hang), "many threads");
}

#[test]
fn while_another_thread_registers_with_a_longer_timeout() {
    times_out(&Api::new("127.0.0.1:0", fake::hang), "two timeouts");
}

#[test]
fn by_default_after_two_seconds() {
    let api = Api::new("127.0.0.1:0", fake::hang);
    let function = start(api.address.to_string(), "default timeout", SHORT);
    is(&function.line(), "TimedOut", &["no complete response within 2s"]);
    function.ends();
}

#[test]
fn a_refusal_without_its_body_is_a_refusal() {
    let api = Api::new("127.0.0.1:0", |stream| {
        fake::say(stream, "HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\n\r\n{\"cut");
        fake::hang(stream);
    });
    fails_at_the_timeout(&api, "plain", "Refused", &["403", "cut"]);
}

#[test]
fn if_the_server_does_not_accept() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let function = start(listener.local_addr().expect("bound").to_string(), "plain", SHORT);
    is(&function.line(), "TimedOut", &["within 300ms"]);
    function.ends();
}

#[test]
fn if_the_response_comes_too_slowly() {
    let pause = Duration::from_millis(5);
    let api = Api::new("127.0.0.1:0", move |stream| {
        fake::say(stream, "HTTP/1.1 200 OK\r\nX: ");
        fake::repeat(stream, b"x", pause);
    });
    times_out(&api, "plain");
}

#[test]
fn a_response_in_single_bytes_is_in_time() {
    let api = Api::new("127.0.0.1:0", |stream| {
        for byte in registered().bytes() {
            fake::say(stream, &char::from(byte).to_string());
        }
    });
    registers(&api.address.to_string(), "plain");
}
