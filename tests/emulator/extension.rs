//! Other extensions: one in the function's process, and external ones.

use std::net::TcpStream;
use std::{env, thread};

use super::function::{CASE, say};
use super::http::{header, receive, send};

/// The port of the web server behind the adapter.
pub(crate) const PORT: &str = "SIGNOFF_TEST_PORT";

fn api() -> String {
    env::var("AWS_LAMBDA_RUNTIME_API").expect("in Lambda")
}

/// Registers an extension and returns the connection on which it waits for its next event.
fn register(name: &str, events: &str) -> TcpStream {
    let headers = format!("Lambda-Extension-Name: {name}\r\n");
    let body = format!(r#"{{"events":{events}}}"#);
    let response = send(api(), "POST /2020-01-01/extension/register", &headers, &body);
    let (head, _) = response.and_then(receive).expect("a response");
    let identifier = header(&head, "Lambda-Extension-Identifier");
    let identifier = identifier.unwrap_or_else(|| panic!("no identifier: {head}"));
    let headers = format!("Lambda-Extension-Identifier: {identifier}\r\n");
    send(api(), "GET /2020-01-01/extension/event/next", &headers, "").expect("sent")
}

/// Registers another extension of this process, without events.
pub(super) fn register_internal(name: &str) {
    std::mem::forget(register(name, "[]"));
}

#[test]
#[ignore = "an external extension, for the emulator"]
fn extends() {
    if env::var(CASE).is_ok() {
        let (_head, event) = receive(register("external", r#"["SHUTDOWN"]"#)).expect("an event");
        say(format_args!("external extension: {}", event.contains("SHUTDOWN")));
    }
}

/// Does what the Lambda Web Adapter does: an external extension without events that serves the
/// invocations, and passes each one to the web server of the function.
#[test]
#[ignore = "an external extension, for the emulator"]
fn adapts() {
    let Ok(port) = env::var(PORT) else { return };
    let server = format!("127.0.0.1:{port}");
    let _parked = register("external", "[]");
    while TcpStream::connect(&server).is_err() {
        thread::yield_now();
    }
    loop {
        let next = send(api(), "GET /2018-06-01/runtime/invocation/next", "", "");
        let Ok((head, event)) = next.and_then(receive) else { return };
        let id = header(&head, "Lambda-Runtime-Aws-Request-Id").expect("an invocation");
        let answer = send(&*server, "POST /", "", &event).and_then(receive);
        let (_head, answer) = answer.unwrap_or_else(|error| (String::new(), error.to_string()));
        let respond = format!("POST /2018-06-01/runtime/invocation/{id}/response");
        send(api(), &respond, "", &answer).and_then(receive).expect("accepted");
    }
}
