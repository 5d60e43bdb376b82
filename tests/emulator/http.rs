//! Raw HTTP requests.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};

use super::BOUND;

/// The head and the body of a response.
pub(super) type Response = (String, String);

/// Sends a request, with a connection of its own.
pub(super) fn send(
    address: impl ToSocketAddrs,
    request: &str,
    headers: &str,
    body: &str,
) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(BOUND))?;
    let length = body.len();
    write!(
        stream,
        "{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\
         Content-Length: {length}\r\n\r\n{body}"
    )?;
    Ok(stream)
}

/// Waits for the response.
pub(super) fn receive(mut stream: TcpStream) -> io::Result<Response> {
    let mut response = String::new();
    stream.read_to_string(&mut response)?;
    let parts = response.split_once("\r\n\r\n");
    let parts = parts.map(|(head, body)| (head.to_owned(), body.to_owned()));
    parts.ok_or_else(|| io::Error::other(format!("no response: {response:?}")))
}

/// Returns the value of a header.
pub(super) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.split("\r\n").find_map(|line| {
        let (found, value) = line.split_once(": ")?;
        found.eq_ignore_ascii_case(name).then_some(value)
    })
}

/// Returns the response of the function.
pub(super) fn invoke(address: impl ToSocketAddrs, payload: &str) -> io::Result<String> {
    let request = "POST /2015-03-31/functions/function/invocations";
    receive(send(address, request, "", payload)?).map(|(_head, body)| body)
}
