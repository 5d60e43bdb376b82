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

/// Reads a response, and returns the identifier of the extension.
///
/// A refusal is an error that contains a [`RegistrationError`].
pub(super) fn read(source: &mut impl Read) -> io::Result<String> {
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
        return head.identifier.ok_or_else(none);
    }
    let is_complete = |bytes: &[u8]| bytes.len() - head.end >= head.length;
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{LIMIT, Read, read};

    const RESPONSES: &[&str] = &[
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
         Lambda-Extension-Identifier: 6d2cf6a8-43ad-4f0c-b0aa-8cbcb1d1a1d2\r\n\
         Content-Length: 63\r\n\r\n\
         {\"functionName\":\"f\",\"functionVersion\":\"$LATEST\",\"handler\":null}\n",
        "HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nContent-Length: 102\r\n\r\n\
         {\"errorMessage\":\"Extension registration closed already\",\
         \"errorType\":\"Extension.RegistrationClosed\"}\n",
        "HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n44\r\n\
         {\"errorMessage\":\"FOO\",\"errorType\":\"Extension.InvalidExtensionState\"}\r\n0\r\n\r\n",
        "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.0 500\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nLambda-Extension-Identifier: a\r\n\r\n",
    ];

    /// A place, the number of bytes removed there, and the bytes inserted.
    fn changes() -> impl Strategy<Value = Vec<(prop::sample::Index, usize, Vec<u8>)>> {
        let text = prop::sample::select(&["\r\n", "\0", ": ", "HTTP/1.1 ", "{", "9999"][..]);
        let inserted = prop_oneof![
            prop::collection::vec(any::<u8>(), 0..12),
            text.prop_map(Vec::from),
            (any::<u8>(), 1..2 * LIMIT).prop_map(|(byte, length)| vec![byte; length]),
        ];
        prop::collection::vec((any::<prop::sample::Index>(), 0..40_usize, inserted), 1..6)
    }

    #[test]
    fn a_body_without_a_length_ends_with_the_connection() {
        let mut response = (&b"HTTP/1.1 403 Forbidden\r\n\r\n"[..]).chain(&b"reason"[..]);
        let error = read(&mut response).expect_err("refused").to_string();
        assert!(error.contains("403 (reason)"), "{error}");
    }

    proptest! {
        #[test]
        fn a_malformed_response_does_no_harm(
            response in prop::sample::select(RESPONSES),
            changes in changes(),
        ) {
            let mut response = response.as_bytes().to_vec();
            for (place, removed, inserted) in changes {
                let from = place.index(response.len() + 1);
                response.splice(from..response.len().min(from + removed), inserted);
            }
            let mut rest = &response[..];
            let result = read(&mut rest);
            prop_assert!(response.len() - rest.len() <= LIMIT + 1024);
            match result {
                // It goes into a header of the next request.
                Ok(identifier) => prop_assert!(!identifier.contains(['\r', '\n', '\0'])),
                Err(error) => {
                    let text = error.to_string();
                    prop_assert!(text.len() < 4096 && !text.contains(char::is_control), "{text}");
                }
            }
        }
    }
}
