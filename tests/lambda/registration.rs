//! The registration of an extension, and the addresses that it accepts.

use std::ffi::OsStr;
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt;
use std::thread;
use std::time::Instant;

use super::fake::{self, Api, IDENTIFIER, refused, registered};
use super::function::start;
use super::skipped::skipped;
use super::{BOUND, fails_at, is, registers};

#[test]
fn a_server_may_close_the_connection_of_the_registration() {
    let closes = registered().replacen("\r\n", "\r\nConnection: close\r\n", 1);
    let api = Api::answering(closes);
    registers(&api.address.to_string(), "plain");
    assert!(api.request().starts_with("POST "));
    assert!(api.request().contains("/extension/event/next "));
}

#[test]
fn registers_and_requests_next() {
    let api = Api::answering(registered());
    let function = start(api.address.to_string(), "plain", BOUND);
    function.says("registered");
    let (authority, body) = (api.address, r#"{"events":[]}"#);
    assert_eq!(
        api.request(),
        format!(
            "POST /2020-01-01/extension/register HTTP/1.1\r\nHost: {authority}\r\n\
             Lambda-Extension-Name: signoff\r\nContent-Type: application/json\r\n\
             Content-Length: 13\r\n\r\n{body}"
        )
    );
    assert_eq!(
        api.request(),
        format!(
            "GET /2020-01-01/extension/event/next HTTP/1.1\r\nHost: {authority}\r\n\
             Lambda-Extension-Identifier: {IDENTIFIER}\r\n\r\n"
        )
    );
    let _took = function.line();
    function.says("0 new threads, 1 sockets");
    function.ends();
}

#[test]
fn a_broken_next_connection_is_harmless() {
    let api = Api::answering(registered());
    let mut function = start(api.address.to_string(), "plain", BOUND);
    function.says("registered");
    let _took_and_has = (function.line(), function.line());
    let started = Instant::now();
    while api.parked.lock().expect("no panic").pop().is_none() && started.elapsed() < BOUND {
        thread::yield_now();
    }
    function.ask();
    function.says("Ok(Registered)");
    function.ends();
}

#[test]
fn works_in_every_runtime_and_without_one() {
    let api = Api::answering(registered());
    for way in ["plain", "tokio", "async-std", "smol", "longest timeout"] {
        registers(&api.address.to_string(), way);
    }
}

#[test]
fn registers_once_in_a_process() {
    for way in ["twice", "four threads"] {
        let api = Api::answering(registered());
        registers(&api.address.to_string(), way);
        assert!(api.request().starts_with("POST "));
        assert!(api.request().starts_with("GET "));
        assert!(api.is_left_alone(), "{way}");
    }
}

#[test]
fn a_failure_is_not_remembered() {
    let (taken, name) = (
        refused("403 Forbidden", "Extension.InvalidExtensionState", "taken"),
        "\r\nLambda-Extension-Name: signoff\r\n",
    );
    let api = Api::choosing(
        move |request| if request.contains(name) { taken.clone() } else { registered() },
    );
    let function = start(api.address.to_string(), "again", BOUND);
    function.says("Refused");
    function.says("registered");
    function.ends();
}

#[test]
fn children_do_not_inherit_the_connection() {
    let api = Api::answering(registered());
    let function = start(api.address.to_string(), "child", BOUND);
    function.says("a child has 0 sockets");
    function.says("registered");
    function.ends();
}

#[test]
fn outside_lambda_it_does_nothing() {
    let function = start("", "plain", BOUND);
    function.says("NotInLambda");
    function.ends();
}

#[test]
fn accepts_every_form_of_the_address() {
    let api = Api::answering(registered());
    registers(&format!("http://{}/", api.address), "plain");
    registers(&format!("HTTP://localhost:{}/.rt/f/", api.address.port()), "plain");
    let function = start(format!("http://{}/.rt/my-function", api.address), "plain", BOUND);
    function.says("registered");
    let paths: Vec<_> = (0..6).map(|_| api.request()).collect();
    // The requests of different processes may be recorded in any order.
    let sent = |start: &str| paths.iter().find(|path| path.starts_with(start)).expect("sent");
    sent("POST /.rt/f/2020-01-01/extension/register ");
    sent("POST /.rt/my-function/2020-01-01/extension/register ");
    let next = sent("GET /.rt/my-function/2020-01-01/extension/event/next ");
    assert!(next.contains(&format!("\r\nHost: {}\r\n", api.address)));
    function.ends();
}

#[test]
fn accepts_an_ipv6_address() {
    if TcpListener::bind("[::1]:0").is_err() {
        skipped("this system has no IPv6 loopback address");
        return;
    }
    let api = Api::new("[::1]:0", |stream| fake::say(stream, &registered()));
    registers(&api.address.to_string(), "plain");
    assert!(api.request().contains(&format!("\r\nHost: [::1]:{}\r\n", api.address.port())));
}

#[test]
fn rejects_an_invalid_address() {
    for value in [
        " ",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:0",
        "127.0.0.1:65536",
        "127.0.0.1:http",
        ":9001",
        "::1:9001",
        "[::1]",
        "[::1:9001",
        "https://127.0.0.1:9001",
        "unix:///run/api.sock",
        "http://",
        "http:///2020-01-01",
        "me@127.0.0.1:9001",
        "127.0.0.1:9001?x=1",
        "127.0.0.1:9001#x",
        "127.0.0.1:9001\r\nEvil: 1",
        "host name:9001",
        "127.0.0.1:9001/caf\u{e9}",
        "a://b://c:1",
    ] {
        fails_at(value, "Address", &[&format!("is {value:?}"), "host:port", "unset it"]);
    }
    let function = start(OsStr::from_bytes(b"127.0.0.1:9001/\xff"), "plain", BOUND);
    is(&function.line(), "Address", &["is \"127.0.0.1:9001/\u{fffd}\""]);
    function.ends();
}

#[test]
fn rejects_an_invalid_name() {
    let api = Api::answering(registered());
    for name in [" ", "a\r\nEvil: yes"] {
        let function = start(api.address.to_string(), name, BOUND);
        is(&function.line(), "Name", &[&format!("{name:?}"), "no control characters"]);
        function.ends();
    }
}

#[test]
fn an_unreachable_address_is_an_error() {
    // A free port could become that of another test.
    let address = "127.0.0.1:1";
    fails_at(address, "ConnectionRefused", &[address, "refused", "check AWS_LAMBDA_RUNTIME_API"]);
    fails_at("signoff.invalid:9001", "Uncategorized", &["signoff.invalid:9001"]);
}
