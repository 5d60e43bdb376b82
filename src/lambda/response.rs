//! The response of the Runtime API to a registration.
//!
//! The head of a success contains the identifier of the extension, so its body is not read. The body
//! of a refusal contains the reason. It may arrive incomplete, or in chunks. The server may be of any
//! other kind, so no more than [`LIMIT`] bytes and one buffer are read. All text in errors is
//! escaped.

use std::io::{self, ErrorKind, Read};

use super::error::{RegistrationError, printable};

/// Real responses have a few hundred bytes.
const LIMIT: usize = 16 * 1024;

/// The response to a registration that succeeded.
pub(super) struct Accepted {
    /// Of the extension.
    pub(super) identifier: String,
    /// The server closes the connection after it.
    pub(super) is_last: bool,
}

/// Reads a response. A refusal is an error that contains a [`RegistrationError`].
pub(super) fn read(source: &mut impl Read) -> io::Result<Accepted> {
    let (mut bytes, mut start) = (Vec::with_capacity(1024), 0);
    let head = loop {
        match parse(&bytes, start)? {
            // An informational response: the final one follows.
            Some(head) if (100..200).contains(&head.status) => start = head.end,
            Some(head) => break head,
            None if read_more(source, &mut bytes)? => {}
            None => {
                let text = "the connection was closed before the response was complete";
                return Err(io::Error::new(ErrorKind::UnexpectedEof, text));
            }
        }
    };
    if (200..300).contains(&head.status) {
        let none = || invalid(format!("the response {} has no extension identifier", head.status));
        let identifier = head.identifier.ok_or_else(none)?;
        return Ok(Accepted { identifier, is_last: head.is_last });
    }
    let is_complete = |bytes: &[u8]| {
        bytes.len() - head.end >= head.length || bytes.ends_with(b"\r\n0\r\n\r\n") // the last chunk
    };
    // The status matters more than the rest of the body.
    while !is_complete(&bytes) && read_more(source, &mut bytes).unwrap_or(false) {}
    Err(io::Error::other(RegistrationError::refused(head.status, &bytes[head.end..])))
}

/// Returns whether there was more.
fn read_more(source: &mut impl Read, bytes: &mut Vec<u8>) -> io::Result<bool> {
    if bytes.len() >= LIMIT {
        return Err(too_large(bytes));
    }
    let mut buffer = [0; 1024];
    let read = loop {
        match source.read(&mut buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            read => break read?,
        }
    };
    bytes.extend_from_slice(&buffer[..read]);
    Ok(read > 0)
}

struct Head {
    status: u16,
    identifier: Option<String>,
    is_last: bool,
    /// The length of the body. Without one, the body ends with the connection.
    length: usize,
    /// The offset of the body.
    end: usize,
}

/// Parses the head that begins at `start`. Returns `None` while it is incomplete.
fn parse(bytes: &[u8], start: usize) -> io::Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    let end = match response.parse(&bytes[start..]) {
        Ok(httparse::Status::Complete(length)) => start + length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(too_large(bytes)),
        Err(_) => {
            let beginning = printable(bytes, 64);
            return Err(invalid(format!(
                "the response is not HTTP, it starts with \"{beginning}\""
            )));
        }
    };
    let header = |name: &str| {
        let header =
            response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(header.value).ok().filter(|value| !value.is_empty())
    };
    Ok(Some(Head {
        status: response.code.unwrap_or_default(),
        identifier: header("Lambda-Extension-Identifier").map(str::to_owned),
        is_last: response.version == Some(0)
            || header("Connection").is_some_and(|value| value.eq_ignore_ascii_case("close")),
        length: header("Content-Length").and_then(|value| value.parse().ok()).unwrap_or(usize::MAX),
        end,
    }))
}

fn too_large(bytes: &[u8]) -> io::Error {
    invalid(format!("the response is not complete after {} bytes", bytes.len()))
}

fn invalid(text: String) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, text)
}
