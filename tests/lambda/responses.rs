//! The responses of a Runtime API, of proxies, and of servers that are neither.

use std::time::Duration;

use super::fake::{self, Api, refused, registered};
use super::{fails, registers};

#[test]
fn error_responses_of_aws() {
    for (status, error_type, message, advice) in [
        (
            "403 Forbidden",
            "Extension.InvalidExtensionState",
            "Extension with this name already registered",
            "another name",
        ),
        (
            "403 Forbidden",
            "Extension.RegistrationClosed",
            "Extension registration closed already",
            "before lambda_runtime::run",
        ),
        (
            "403 Forbidden",
            "Extension.TooManyExtensions",
            "Extension limit (10) reached",
            "register no extension",
        ),
        (
            "403 Forbidden",
            "No events allowed for internal extensions",
            "No events allowed for internal extensions",
            "Extensions API",
        ),
        (
            "403 Forbidden",
            "Extension.InvalidEventType",
            "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension",
            "Extensions API",
        ),
        (
            "403 Forbidden",
            "Extension.InvalidExtensionName",
            "Empty extension name",
            "Extensions API",
        ),
        (
            "500 Internal Server Error",
            "InternalServerError",
            "Internal Server Error",
            "Extensions API",
        ),
    ] {
        let api = Api::answering(refused(status, error_type, message));
        fails(&api, "Refused", &[&status[..3], error_type, message, advice]);
    }
}

#[test]
fn other_error_responses() {
    let text = "HTTP/1.1 404 Not Found\r\nContent-Length: 19\r\n\r\n404 page not found\n";
    fails(
        &Api::answering(text),
        "Refused",
        &["404 (404 page not found)", "extensions are disabled"],
    );
    let empty = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    fails(&Api::answering(empty), "Refused", &["404;", "do not expect SIGTERM"]);
    let html = "HTTP/1.1 502 Bad Gateway\r\n\r\n<html>\x07<b>";
    fails(&Api::answering(html), "Refused", &["502 (<html>\\u{7}<b>)"]);
    let redirect = "HTTP/1.1 307 Temporary Redirect\r\nLocation: /\r\nContent-Length: 0\r\n\r\n";
    fails(&Api::answering(redirect), "Refused", &["307"]);
    let chunked = "HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n\
                   2c\r\n{\"errorType\":\"Extension.RegistrationClosed\"}\r\n0\r\n\r\n";
    fails(&Api::answering(chunked), "Refused", &["403 Extension.RegistrationClosed"]);
    let cut = "HTTP/1.1 403 Forbidden\r\nContent-Length: 99\r\n\r\n{\"errorType\":\"Exten";
    fails(&Api::answering(cut), "Refused", &["403"]);
}

#[test]
fn informational_responses() {
    let early = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
    let api = Api::answering(early.to_owned() + &registered());
    registers(&api.address.to_string(), "plain");
    let closed = refused("403 Forbidden", "Extension.RegistrationClosed", "closed");
    fails(&Api::answering(early.to_owned() + &closed), "Refused", &["403"]);
    let old = registered().replacen("HTTP/1.1", "HTTP/1.0", 1) + &registered();
    registers(&Api::answering(old).address.to_string(), "plain");
    let folded = "HTTP/1.1 200 OK\r\nLambda-Extension-Identifier: a\r\n b\r\n\r\n";
    fails(&Api::answering(folded), "InvalidData", &["HTTP/1.1 200 OK"]);
}

#[test]
fn responses_of_other_servers() {
    fails(
        &Api::answering("SSH-2.0-OpenSSH_9.6\r\n"),
        "InvalidData",
        &["SSH-2.0-OpenSSH_9.6", "check AWS_LAMBDA_RUNTIME_API"],
    );
    fails(&Api::answering("\0\x01\u{fffd}"), "InvalidData", &["starts with \"\\0\\u{1}"]);
    let web = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
    fails(&Api::answering(web), "InvalidData", &["200", "no extension identifier"]);
    let empty = "HTTP/1.1 200 OK\r\nLambda-Extension-Identifier: \r\n\r\n";
    fails(&Api::answering(empty), "InvalidData", &["200"]);
}

#[test]
fn a_closed_connection_is_an_error() {
    fails(&Api::answering(""), "UnexpectedEof", &["the connection was closed before"]);
    fails(
        &Api::answering("HTTP/1.1 200 OK\r\nLambda-Ext"),
        "UnexpectedEof",
        &["the connection was closed before"],
    );
}

#[test]
fn an_endless_response_is_an_error() {
    for start in ["HTTP/1.1 200 OK\r\nX: ", "HTTP/1.1 403 Forbidden\r\nX: "] {
        let api = Api::new("127.0.0.1:0", move |stream| {
            fake::say(stream, start);
            fake::repeat(stream, &[b'x'; 999], Duration::ZERO);
        });
        fails(&api, "InvalidData", &["not complete after"]);
    }
    for again in ["X: y\r\n", "\r\nHTTP/1.1 102 Processing\r\n"] {
        let api = Api::new("127.0.0.1:0", move |stream| {
            fake::say(stream, "HTTP/1.1 102 Processing\r\n");
            fake::repeat(stream, again.as_bytes(), Duration::ZERO);
        });
        fails(&api, "InvalidData", &["not complete after"]);
    }
}

#[test]
fn an_endless_error_body_is_cut() {
    let api = Api::new("127.0.0.1:0", |stream| {
        fake::say(stream, "HTTP/1.1 403 Forbidden\r\n\r\n");
        fake::repeat(stream, &[b'x'; 999], Duration::ZERO);
    });
    fails(&api, "Refused", &["403 (xxxx"]);
}

#[test]
fn the_body_of_a_success_is_not_read() {
    let api = Api::new("127.0.0.1:0", |stream| {
        fake::say(stream, &registered().replace("Content-Length", "X"));
        fake::repeat(stream, &[b'x'; 999], Duration::ZERO);
    });
    registers(&api.address.to_string(), "plain");
}
