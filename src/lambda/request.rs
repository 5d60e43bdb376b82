//! The two requests of an extension.

use super::endpoint::Endpoint;

/// Registers an extension that subscribes to no events.
pub(super) fn register(Endpoint { authority, base, .. }: &Endpoint, name: &str) -> String {
    const BODY: &str = r#"{"events":[]}"#;
    let length = BODY.len();
    format!(
        "POST {base}/2020-01-01/extension/register HTTP/1.1\r\n\
         Host: {authority}\r\n\
         Lambda-Extension-Name: {name}\r\n\
         Content-Type: application/json\r\n\
         Content-Length: {length}\r\n\
         \r\n\
         {BODY}"
    )
}

/// Reports that the extension is ready, and waits for its next event.
pub(super) fn next(Endpoint { authority, base, .. }: &Endpoint, identifier: &str) -> String {
    format!(
        "GET {base}/2020-01-01/extension/event/next HTTP/1.1\r\n\
         Host: {authority}\r\n\
         Lambda-Extension-Identifier: {identifier}\r\n\
         \r\n"
    )
}
