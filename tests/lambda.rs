//! The extension, registered with a Runtime API of our own that does everything it should not, and
//! hooks that run whatever that does.
#![allow(unsafe_code, reason = "kill(2), setrlimit(2)")]

#[path = "lambda/fake.rs"]
mod fake;
#[path = "lambda/function.rs"]
mod function;
#[path = "lambda/hooks.rs"]
mod hooks;

use std::ffi::OsStr;
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt;
use std::thread;
use std::time::{Duration, Instant};

use fake::{Api, IDENTIFIER, refused, registered};
use function::{SHORT, start};

/// Nothing here takes nearly as long, on any machine.
const BOUND: Duration = Duration::from_secs(30);

/// The registration against `address` fails like this, and says so in these words.
#[track_caller]
fn fails_at(address: &str, kind: &str, words: &[&str]) {
    let function = start(address, "plain", BOUND);
    is(&function.line(), kind, words);
    function.ends();
}

#[track_caller]
fn fails(api: &Api, kind: &str, words: &[&str]) {
    fails_at(&api.address.to_string(), kind, words);
}

/// The same, and in no more than the time that it was given.
#[track_caller]
fn gives_up(api: &Api, way: &str) {
    let function = start(api.address.to_string(), way, SHORT);
    is(&function.line(), "Timeout", &["no whole answer", "within 300ms", "allow more time"]);
    let took = Duration::from_millis(function.line().parse().expect("a number"));
    assert!((SHORT..BOUND / 3).contains(&took), "{took:?}");
    function.ends();
}

#[track_caller]
fn is(line: &str, kind: &str, words: &[&str]) {
    let (debug, text) = line.split_once(" | ").unwrap_or((line, ""));
    let named =
        debug.strip_prefix(kind).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric));
    assert!(named, "{kind} expected: {line}");
    for word in words {
        assert!(text.contains(word), "{word:?} expected: {line}");
    }
}

#[track_caller]
fn registers(address: &str, way: &str) {
    let function = start(address, way, BOUND);
    assert_eq!(function.line(), "registered");
    function.ends();
}

#[test]
fn it_registers_and_waits_on_next() {
    let api = Api::answering(registered());
    let function = start(api.address.to_string(), "plain", BOUND);
    assert_eq!(function.line(), "registered");
    let (authority, body) = (api.address, r#"{"events":[]}"#);
    assert_eq!(
        api.request(),
        format!(
            "POST /2020-01-01/extension/register HTTP/1.1\r\nHost: {authority}\r\n\
             Lambda-Extension-Name: signoff\r\nContent-Type: application/json\r\n\
             Content-Length: 13\r\nConnection: close\r\n\r\n{body}"
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
    assert_eq!(function.line(), "0 new threads, 1 sockets");
    function.ends();
}

#[test]
fn a_broken_connection_does_no_harm() {
    let api = Api::answering(registered());
    let mut function = start(api.address.to_string(), "plain", BOUND);
    assert_eq!(function.line(), "registered");
    let _took_and_has = (function.line(), function.line());
    let begun = Instant::now();
    while api.parked.lock().expect("no panic").pop().is_none() && begun.elapsed() < BOUND {
        thread::yield_now();
    }
    function.ask();
    assert_eq!(function.line(), "Ok(true)");
    function.ends();
}

#[test]
fn every_runtime_and_none() {
    let api = Api::answering(registered());
    for way in ["plain", "tokio", "async-std", "smol"] {
        registers(&api.address.to_string(), way);
    }
}

#[test]
fn once_in_a_process() {
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
    assert!(function.line().starts_with("Err(NameTaken("));
    assert_eq!(function.line(), "registered");
    function.ends();
}

#[test]
fn children_do_not_inherit_the_connection() {
    let api = Api::answering(registered());
    let function = start(api.address.to_string(), "child", BOUND);
    assert_eq!(function.line(), "a child has 0 sockets");
    assert_eq!(function.line(), "registered");
    function.ends();
}

#[test]
fn outside_of_lambda_nothing_happens() {
    let function = start("", "plain", BOUND);
    assert_eq!(function.line(), "not in Lambda");
    function.ends();
}

#[test]
fn every_form_of_the_address() {
    let api = Api::answering(registered());
    registers(&format!("http://{}/", api.address), "plain");
    registers(&format!("localhost:{}", api.address.port()), "plain");
    let function = start(format!("http://{}/.rt/my-function", api.address), "plain", BOUND);
    assert_eq!(function.line(), "registered");
    let paths: Vec<_> = (0..6).map(|_| api.request()).collect();
    assert!(paths[4].starts_with("POST /.rt/my-function/2020-01-01/extension/register "));
    assert!(paths[5].starts_with("GET /.rt/my-function/2020-01-01/extension/event/next "));
    assert!(paths[5].contains(&format!("\r\nHost: {}\r\n", api.address)));
    function.ends();
}

#[test]
fn an_address_of_ip_version_6() {
    if TcpListener::bind("[::1]:0").is_err() {
        println!("skipped: this system has no IPv6 loopback address");
        return;
    }
    let api = Api::new("[::1]:0", |stream| fake::say(stream, &registered()));
    registers(&api.address.to_string(), "plain");
    assert!(api.request().contains(&format!("\r\nHost: [::1]:{}\r\n", api.address.port())));
}

#[test]
fn what_is_no_address() {
    for value in ["127.0.0.1", "https://127.0.0.1:9001", "unix:/run/api", "a b:1", "[::1:9001"] {
        fails_at(value, "Address", &[&format!("is {value:?}"), "host:port", "unset it"]);
    }
    let function = start(OsStr::from_bytes(b"127.0.0.1:9001/\xff"), "plain", BOUND);
    is(&function.line(), "Address", &["is \"127.0.0.1:9001/\u{fffd}\""]);
    function.ends();
}

#[test]
fn what_is_no_name() {
    let api = Api::answering(registered());
    for name in [" ", "a\r\nEvil: yes"] {
        let function = start(api.address.to_string(), name, BOUND);
        is(&function.line(), "Name", &[&format!("{name:?}"), "without control characters"]);
        function.ends();
    }
}

#[test]
fn nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound").to_string();
    drop(listener);
    fails_at(&address, "Unreachable", &[&address, "refused", "unset AWS_LAMBDA_RUNTIME_API"]);
    fails_at("signoff.invalid:9001", "Unreachable", &["signoff.invalid:9001"]);
}

#[test]
fn it_refuses_as_aws_does() {
    for (status, error_type, message, kind, advice) in [
        (
            "403 Forbidden",
            "Extension.InvalidExtensionState",
            "Extension with this name already registered",
            "NameTaken",
            "another name",
        ),
        (
            "403 Forbidden",
            "Extension.RegistrationClosed",
            "Extension registration closed already",
            "Closed",
            "before lambda_runtime::run",
        ),
        (
            "403 Forbidden",
            "Extension.TooManyExtensions",
            "Extension limit (10) reached",
            "TooMany",
            "go without",
        ),
        (
            "403 Forbidden",
            "No events allowed for internal extensions",
            "No events allowed for internal extensions",
            "Events",
            "report",
        ),
        (
            "403 Forbidden",
            "Extension.InvalidEventType",
            "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension",
            "Events",
            "report",
        ),
        (
            "403 Forbidden",
            "Extension.InvalidExtensionName",
            "Empty extension name",
            "Refused",
            "Extensions API",
        ),
        (
            "500 Internal Server Error",
            "InternalServerError",
            "Internal Server Error",
            "Refused",
            "Extensions API",
        ),
    ] {
        let api = Api::answering(refused(status, error_type, message));
        fails(&api, kind, &[&status[..3], error_type, message, advice]);
    }
}

#[test]
fn it_refuses_in_its_own_words() {
    let text = "HTTP/1.1 404 Not Found\r\nContent-Length: 19\r\n\r\n404 page not found\n";
    fails(&Api::answering(text), "NotFound", &["404 (404 page not found)", "no extensions here"]);
    let empty = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    fails(&Api::answering(empty), "NotFound", &["404;", "do not count on SIGTERM"]);
    let html = "HTTP/1.1 502 Bad Gateway\r\n\r\n<html>\x07<b>";
    fails(&Api::answering(html), "Refused", &["502 (<html>\\u{7}<b>)"]);
    let redirect = "HTTP/1.1 307 Temporary Redirect\r\nLocation: /\r\nContent-Length: 0\r\n\r\n";
    fails(&Api::answering(redirect), "Refused", &["307"]);
    let chunked = "HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n\
                   2c\r\n{\"errorType\":\"Extension.RegistrationClosed\"}\r\n0\r\n\r\n";
    fails(&Api::answering(chunked), "Closed", &["403 Extension.RegistrationClosed"]);
    let cut = "HTTP/1.1 403 Forbidden\r\nContent-Length: 99\r\n\r\n{\"errorType\":\"Exten";
    fails(&Api::answering(cut), "Refused", &["403"]);
}

#[test]
fn it_speaks_as_proxies_do() {
    let early = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
    let api = Api::answering(early.to_owned() + &registered());
    registers(&api.address.to_string(), "plain");
    let closed = refused("403 Forbidden", "Extension.RegistrationClosed", "closed");
    fails(&Api::answering(early.to_owned() + &closed), "Closed", &["403"]);
    let old = registered().replacen("HTTP/1.1", "HTTP/1.0", 1) + &registered();
    registers(&Api::answering(old).address.to_string(), "plain");
    let folded = "HTTP/1.1 200 OK\r\nLambda-Extension-Identifier: a\r\n b\r\n\r\n";
    fails(&Api::answering(folded), "NotHttp", &["HTTP/1.1 200 OK"]);
    // The connection stays open, against the wishes of the request.
    let chunked = "HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n\
                   2c\r\n{\"errorType\":\"Extension.RegistrationClosed\"}\r\n0\r\n\r\n";
    let api = Api::new("127.0.0.1:0", move |stream| {
        fake::say(stream, chunked);
        fake::hang(stream);
    });
    fails(&api, "Closed", &["403 Extension.RegistrationClosed"]);
}

#[test]
fn it_is_something_else() {
    fails(
        &Api::answering("SSH-2.0-OpenSSH_9.6\r\n"),
        "NotHttp",
        &["SSH-2.0-OpenSSH_9.6", "points to"],
    );
    fails(&Api::answering("\0\x01\u{fffd}"), "NotHttp", &["begins with \"\\0\\u{1}"]);
    let web = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
    fails(&Api::answering(web), "NoIdentifier", &["200", "without an extension identifier"]);
    let empty = "HTTP/1.1 200 OK\r\nLambda-Extension-Identifier: \r\n\r\n";
    fails(&Api::answering(empty), "NoIdentifier", &["200"]);
}

#[test]
fn it_hangs_up() {
    fails(&Api::answering(""), "Disconnected", &["ended before the answer"]);
    fails(&Api::answering("HTTP/1.1 200 OK\r\nLambda-Ext"), "Disconnected", &["ended before"]);
}

#[test]
fn it_never_answers() {
    gives_up(&Api::new("127.0.0.1:0", fake::hang), "plain");
    // Each of these has that time, and not one after the other.
    gives_up(&Api::new("127.0.0.1:0", fake::hang), "many threads");
    gives_up(
        &Api::new("127.0.0.1:0", |stream| {
            fake::say(stream, "HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\n\r\n{");
            fake::hang(stream);
        }),
        "plain",
    );
}

#[test]
fn it_never_even_accepts() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let function = start(listener.local_addr().expect("bound").to_string(), "plain", SHORT);
    is(&function.line(), "Timeout", &["within 300ms"]);
    function.ends();
}

#[test]
fn it_drips() {
    let pause = Duration::from_millis(5);
    gives_up(
        &Api::new("127.0.0.1:0", move |stream| {
            fake::say(stream, "HTTP/1.1 200 OK\r\nX: ");
            fake::for_ever(stream, b"x", pause);
        }),
        "plain",
    );
    let api = Api::new("127.0.0.1:0", |stream| {
        for byte in registered().bytes() {
            fake::say(stream, &char::from(byte).to_string());
        }
    });
    registers(&api.address.to_string(), "plain");
}

#[test]
fn it_never_ends() {
    for beginning in ["HTTP/1.1 200 OK\r\nX: ", "HTTP/1.1 403 Forbidden\r\n\r\n"] {
        let api = Api::new("127.0.0.1:0", move |stream| {
            fake::say(stream, beginning);
            fake::for_ever(stream, &[b'x'; 999], Duration::ZERO);
        });
        fails(&api, "Endless", &["had no end"]);
    }
    for again in ["X: y\r\n", "\r\nHTTP/1.1 102 Processing\r\n"] {
        let api = Api::new("127.0.0.1:0", move |stream| {
            fake::say(stream, "HTTP/1.1 102 Processing\r\n");
            fake::for_ever(stream, again.as_bytes(), Duration::ZERO);
        });
        fails(&api, "Endless", &["had no end"]);
    }
}

#[test]
fn the_body_of_a_success_does_not_matter() {
    let api = Api::new("127.0.0.1:0", |stream| {
        fake::say(stream, &registered().replace("Content-Length", "X"));
        fake::for_ever(stream, &[b'x'; 999], Duration::ZERO);
    });
    registers(&api.address.to_string(), "plain");
}
