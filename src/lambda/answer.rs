//! What the Runtime API answers to a registration.

use serde_json::Value;

use super::error::{ApiError, RegistrationError};

/// Real answers have a few hundred bytes.
const LIMIT: usize = 16 * 1024;

const IDENTIFIER: &str = "Lambda-Extension-Identifier";

/// Reads an answer from `source`, which fills a buffer and tells how far, 0 at its end. Gives the
/// identifier of the extension.
pub(super) fn identifier(
    source: impl FnMut(&mut [u8]) -> Result<usize, RegistrationError>,
) -> Result<String, RegistrationError> {
    let mut answer = Answer { bytes: Vec::new(), source };
    let head = answer.head()?;
    if !(200..300).contains(&head.status) {
        let body = answer.body(&head)?;
        return Err(refused(ApiError::new(head.status, body)));
    }
    // Its body tells nothing that is needed, and is not read.
    head.identifier.ok_or(RegistrationError::NoIdentifier { status: head.status })
}

struct Answer<S> {
    bytes: Vec<u8>,
    source: S,
}

struct Head {
    status: u16,
    identifier: Option<String>,
    /// How long the body is; unknown, it ends with the connection.
    length: Option<usize>,
    /// Where the body begins.
    end: usize,
}

impl<S: FnMut(&mut [u8]) -> Result<usize, RegistrationError>> Answer<S> {
    fn head(&mut self) -> Result<Head, RegistrationError> {
        let mut start = 0;
        loop {
            match parse(&self.bytes, start)? {
                // The answer itself comes after this.
                Some(head) if (100..200).contains(&head.status) => start = head.end,
                Some(head) => return Ok(head),
                None if self.read_on()? => {}
                None => {
                    let end = std::io::ErrorKind::UnexpectedEof.into();
                    return Err(RegistrationError::Disconnected(end));
                }
            }
        }
    }

    /// A body that is shorter than announced will do, and so will one that has told everything:
    /// the connection may stay open after it.
    fn body(&mut self, head: &Head) -> Result<&[u8], RegistrationError> {
        let length = head.length.unwrap_or(usize::MAX);
        while self.bytes.len() - head.end < length
            && first_json(&self.bytes[head.end..]).is_none()
            && self.read_on()?
        {}
        Ok(&self.bytes[head.end..])
    }

    /// False at the end.
    fn read_on(&mut self) -> Result<bool, RegistrationError> {
        if self.bytes.len() >= LIMIT {
            return Err(RegistrationError::TooLarge { read: self.bytes.len() });
        }
        let mut buffer = [0; 1024];
        let read = (self.source)(&mut buffer)?;
        self.bytes.extend_from_slice(&buffer[..read]);
        Ok(read > 0)
    }
}

/// The head that begins at `start`; `None` while it is not complete.
fn parse(bytes: &[u8], start: usize) -> Result<Option<Head>, RegistrationError> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    let not_http = || RegistrationError::NotHttp { beginning: beginning(bytes, 64) };
    let end = match response.parse(&bytes[start..]) {
        Ok(httparse::Status::Complete(length)) => start + length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => {
            return Err(RegistrationError::TooLarge { read: bytes.len() });
        }
        Err(_) => return Err(not_http()),
    };
    let header = |name: &str| {
        let header = response.headers.iter().find(|h| h.name.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(header.value).ok().filter(|value| !value.is_empty())
    };
    Ok(Some(Head {
        status: response.code.ok_or_else(not_http)?,
        identifier: header(IDENTIFIER).map(str::to_owned),
        length: header("Content-Length").and_then(|value| value.parse().ok()),
        end,
    }))
}

impl ApiError {
    fn new(status: u16, body: &[u8]) -> Self {
        let json = first_json(body).unwrap_or_default();
        let text = |name| Some(beginning(json.get(name)?.as_str()?.as_bytes(), 256));
        let raw = || (!body.is_empty()).then(|| beginning(body, 64));
        Self { status, error_type: text("errorType"), message: text("errorMessage").or_else(raw) }
    }
}

/// Whatever a chunked body has around it is left out.
fn first_json(body: &[u8]) -> Option<Value> {
    let start = body.iter().position(|&byte| byte == b'{')?;
    serde_json::Deserializer::from_slice(&body[start..]).into_iter().next()?.ok()
}

fn refused(refusal: ApiError) -> RegistrationError {
    match refusal.error_type.as_deref() {
        Some("Extension.InvalidExtensionState") => RegistrationError::NameTaken(refusal),
        Some("Extension.RegistrationClosed") => RegistrationError::Closed(refusal),
        Some("Extension.TooManyExtensions") => RegistrationError::TooMany(refusal),
        Some(
            "Extension.InvalidEventType"
            | "ErrorInvalidEventType"
            | "ShutdownEventNotSupportedForInternalExtension"
            | "No events allowed for internal extensions",
        ) => RegistrationError::Events(refusal),
        _ if refusal.status == 404 => RegistrationError::NotFound(refusal),
        _ => RegistrationError::Refused(refusal),
    }
}

/// Fit to be shown.
fn beginning(bytes: &[u8], length: usize) -> String {
    String::from_utf8_lossy(bytes)
        .trim()
        .chars()
        .take(length)
        .flat_map(char::escape_debug)
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{LIMIT, RegistrationError, identifier};

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
        let result = identifier(|buffer| {
            let rest = &answer[taken..];
            let length = rest.len().min(buffer.len()).min(*pieces.next().unwrap_or(&1024));
            buffer[..length].copy_from_slice(&rest[..length]);
            taken += length;
            Ok(length)
        });
        (result, taken)
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
