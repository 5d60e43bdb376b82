//! The two requests of an extension, over blocking sockets, with and without a runtime.
//!
//! `register` returns the identifier of the extension. `next` reports that the extension is ready,
//! and waits for an event. The extension subscribes to none, so no response ever arrives: the socket
//! stays open, nothing reads from it, and it costs one file descriptor and no thread. No call blocks
//! beyond the deadline, except the look-up of a host name, which is an IP address in Lambda.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use super::endpoint::Endpoint;
use super::error::RegistrationError;

/// The Runtime API, with one deadline for all requests.
pub(super) struct RuntimeApi {
    pub(super) endpoint: Endpoint,
    pub(super) deadline: Instant,
    timeout: Duration,
}

impl RuntimeApi {
    pub(super) fn new(endpoint: Endpoint, timeout: Duration) -> Self {
        // `Instant + Duration` panics if the sum is out of range.
        const LONGEST: Duration = Duration::from_secs(60 * 60);
        Self { endpoint, deadline: Instant::now() + timeout.min(LONGEST), timeout }
    }

    /// Connects to the first address that accepts. Lambda sets a single one.
    pub(super) fn connect(&self) -> io::Result<Connection> {
        let mut failure = io::Error::new(ErrorKind::NotFound, "the host has no address");
        for address in self.endpoint.authority.to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, time_left(self.deadline)?) {
                Ok(stream) => return Ok(Connection { stream, deadline: self.deadline }),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// Returns the refusal that `error` contains, or why there was no valid response.
    pub(super) fn failed(&self, error: io::Error) -> RegistrationError {
        let Self { endpoint, timeout, .. } = self;
        let source = match error.downcast() {
            Ok(refused) => return refused,
            // A socket reports its own timeout as `WouldBlock`.
            Err(error) if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock) => {
                let text =
                    format!("no complete response within {timeout:?}, the extension's timeout");
                io::Error::new(ErrorKind::TimedOut, text)
            }
            Err(error) => error,
        };
        RegistrationError::Io { address: endpoint.authority.clone(), source }
    }
}

/// Returns the time left, or a timeout error. Never zero, which sockets reject.
pub(super) fn time_left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(left) }
}

/// A connection on which no call blocks beyond the deadline.
pub(super) struct Connection {
    stream: TcpStream,
    deadline: Instant,
}

impl Connection {
    pub(super) fn send(&mut self, request: &str) -> io::Result<()> {
        self.stream.set_write_timeout(Some(time_left(self.deadline)?))?;
        self.stream.write_all(request.as_bytes())
    }
}

impl Read for Connection {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(time_left(self.deadline)?))?;
        self.stream.read(buffer)
    }
}

/// Registers an extension that subscribes to no events.
pub(super) fn register(Endpoint { authority, base }: &Endpoint, name: &str) -> String {
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
pub(super) fn next(Endpoint { authority, base }: &Endpoint, identifier: &str) -> String {
    format!(
        "GET {base}/2020-01-01/extension/event/next HTTP/1.1\r\n\
         Host: {authority}\r\n\
         Lambda-Extension-Identifier: {identifier}\r\n\
         \r\n"
    )
}
