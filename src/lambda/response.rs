//! The response of the Runtime API to a registration.

use super::api_error::{ApiError, first_json, printable};
use super::registration_error::RegistrationError;

/// Real responses have a few hundred bytes.
const LIMIT: usize = 16 * 1024;

/// A successful registration.
#[derive(Debug)]
pub(super) struct Registered {
    /// Identifies the extension in its later requests.
    pub(super) identifier: String,
    /// Whether the server accepts another request on the same connection.
    pub(super) keep_alive: bool,
}

/// Reads a response from `source`, which fills a buffer and returns the number of bytes, 0 at the end.
pub(super) fn read(
    source: impl FnMut(&mut [u8]) -> Result<usize, RegistrationError>,
) -> Result<Registered, RegistrationError> {
    let mut reader = ResponseReader { bytes: Vec::with_capacity(1024), source };
    let head = reader.head()?;
    if !(200..300).contains(&head.status) {
        let error = ApiError::new(head.status, reader.body(&head));
        return Err(RegistrationError::refused(error));
    }
    // The body contains nothing of use and is not read.
    let keep_alive = head.keep_alive();
    let no_identifier = RegistrationError::NoIdentifier { status: head.status };
    Ok(Registered { identifier: head.identifier.ok_or(no_identifier)?, keep_alive })
}

struct ResponseReader<S> {
    bytes: Vec<u8>,
    source: S,
}

struct Head {
    status: u16,
    identifier: Option<String>,
    /// The length of the body. If `None`, the body may end with the connection.
    length: Option<usize>,
    /// Whether the server closes the connection after the body.
    closes: bool,
    /// Where the body begins.
    end: usize,
}

impl Head {
    /// The server can send a short body without a reader, and then reads the next request.
    fn keep_alive(&self) -> bool {
        !self.closes && self.length.is_some_and(|length| length <= LIMIT)
    }
}

impl<S: FnMut(&mut [u8]) -> Result<usize, RegistrationError>> ResponseReader<S> {
    fn head(&mut self) -> Result<Head, RegistrationError> {
        let mut start = 0;
        loop {
            match parse(&self.bytes, start)? {
                // An informational response: the final one follows.
                Some(head) if (100..200).contains(&head.status) => start = head.end,
                Some(head) => return Ok(head),
                None if self.read_more()? => {}
                None => {
                    let end = std::io::ErrorKind::UnexpectedEof.into();
                    return Err(RegistrationError::Disconnected(end));
                }
            }
        }
    }

    /// Returns the body, or the part of it that arrives: the status matters more than its details.
    fn body(&mut self, head: &Head) -> &[u8] {
        let length = head.length.unwrap_or(usize::MAX);
        // A connection may stay open after a chunked body, so a complete object ends it too.
        while self.bytes.len() - head.end < length
            && first_json(&self.bytes[head.end..]).is_none()
            && self.read_more().unwrap_or(false)
        {}
        &self.bytes[head.end..]
    }

    /// Returns whether there was more.
    fn read_more(&mut self) -> Result<bool, RegistrationError> {
        if self.bytes.len() >= LIMIT {
            return Err(RegistrationError::TooLarge { read: self.bytes.len() });
        }
        let mut buffer = [0; 1024];
        let read = (self.source)(&mut buffer)?;
        self.bytes.extend_from_slice(&buffer[..read]);
        Ok(read > 0)
    }
}

/// Parses the head that begins at `start`. Returns `None` while it is incomplete.
fn parse(bytes: &[u8], start: usize) -> Result<Option<Head>, RegistrationError> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    let not_http = || RegistrationError::NotHttp { beginning: printable(bytes, 64) };
    let end = match response.parse(&bytes[start..]) {
        Ok(httparse::Status::Complete(length)) => start + length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => {
            return Err(RegistrationError::TooLarge { read: bytes.len() });
        }
        Err(_) => return Err(not_http()),
    };
    let header = |name| header(&response, name);
    let closes = |connection: &str| connection.to_ascii_lowercase().contains("close");
    Ok(Some(Head {
        status: response.code.ok_or_else(not_http)?,
        identifier: header("Lambda-Extension-Identifier").map(str::to_owned),
        length: header("Content-Length").and_then(|value| value.parse().ok()),
        closes: response.version != Some(1) || header("Connection").is_some_and(closes),
        end,
    }))
}

fn header<'a>(response: &httparse::Response<'_, 'a>, name: &str) -> Option<&'a str> {
    let header = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
    std::str::from_utf8(header.value).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{LIMIT, RegistrationError, read};

    const ANSWERS: &[&str] = &[
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

    /// What a parser may stumble over.
    const PIECES: &[&[u8]] = &[b"\r\n", b"\0", b": ", b"HTTP/1.1 ", b"{", b"\xff", b"9999"];

    /// Feeds `answer` in pieces of these sizes and asks how much of it was taken.
    fn feed(answer: &[u8], pieces: &[usize]) -> (Result<String, RegistrationError>, usize) {
        let (mut taken, mut pieces) = (0, pieces.iter().cycle());
        let result = read(|buffer| {
            let rest = &answer[taken..];
            let length = rest.len().min(buffer.len()).min(*pieces.next().unwrap_or(&1024));
            buffer[..length].copy_from_slice(&rest[..length]);
            taken += length;
            Ok(length)
        });
        (result.map(|registered| registered.identifier), taken)
    }

    fn pieces() -> impl Strategy<Value = Vec<usize>> {
        prop::collection::vec(1..200_usize, 1..8)
    }

    /// One change: so many bytes at such a place, taken out, and these put in.
    type Change = (prop::sample::Index, usize, Vec<u8>);

    fn changes() -> impl Strategy<Value = Vec<Change>> {
        let bytes = prop_oneof![
            prop::collection::vec(any::<u8>(), 0..12),
            prop::sample::select(PIECES).prop_map(<[u8]>::to_vec),
            (any::<u8>(), 1..2 * LIMIT).prop_map(|(byte, length)| vec![byte; length]),
        ];
        prop::collection::vec((any::<prop::sample::Index>(), 0..40_usize, bytes), 1..6)
    }

    fn mutated(answer: &str, changes: Vec<Change>) -> Vec<u8> {
        let mut answer = answer.as_bytes().to_vec();
        for (place, out, put_in) in changes {
            let from = place.index(answer.len() + 1);
            let to = answer.len().min(from + out);
            answer.splice(from..to, put_in);
        }
        answer
    }

    proptest! {
        #[test]
        fn no_answer_does_harm(
            answer in prop::sample::select(ANSWERS),
            changes in changes(),
            pieces in pieces(),
        ) {
            let (result, taken) = feed(&mutated(answer, changes), &pieces);
            prop_assert!(taken <= LIMIT + 1024);
            match result {
                // It goes into a header of the next request.
                Ok(identifier) => prop_assert!(!identifier.contains(['\r', '\n', '\0'])),
                Err(error) => {
                    let text = error.to_string();
                    prop_assert!(text.len() < 4096 && !text.contains(char::is_control), "{text}");
                }
            }
        }

        #[test]
        fn it_does_not_matter_how_an_answer_comes(
            answer in prop::sample::select(ANSWERS),
            pieces in pieces(),
        ) {
            let (whole, _) = feed(answer.as_bytes(), &[1024]);
            let (pieced, _) = feed(answer.as_bytes(), &pieces);
            prop_assert_eq!(format!("{whole:?}"), format!("{pieced:?}"));
        }
    }
}
