//! An invocation over HTTP.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::BOUND;

/// Returns the response of the function.
pub(super) fn invoke(address: SocketAddr, payload: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(BOUND))?;
    write!(
        stream,
        "POST /2015-03-31/functions/function/invocations HTTP/1.1\r\n\
         Host: {address}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{payload}",
        payload.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let body = answer.split_once("\r\n\r\n").map(|(_head, body)| body.to_owned());
    body.ok_or_else(|| io::Error::other(format!("no answer: {answer:?}")))
}
