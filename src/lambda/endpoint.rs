//! Where the Runtime API is, and a connection to it that keeps a deadline.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use std::{env, thread};

use http::Uri;

use super::error::RegistrationError;

const VARIABLE: &str = "AWS_LAMBDA_RUNTIME_API";

/// Whether this is Lambda, or an emulator.
pub(super) fn is_lambda() -> bool {
    env::var_os(VARIABLE).is_some_and(|value| !value.is_empty())
}

/// What `AWS_LAMBDA_RUNTIME_API` says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// As in the variable, with brackets around an IPv6 address: what a `Host` header wants.
    pub(super) authority: String,
    host: String,
    port: u16,
    /// What comes before the path of the API, without a slash at the end.
    pub(super) base: String,
}

impl Endpoint {
    /// `None` outside of Lambda.
    pub(super) fn from_env() -> Result<Option<Self>, RegistrationError> {
        if !is_lambda() {
            return Ok(None);
        }
        let value = env::var_os(VARIABLE).unwrap_or_default();
        let endpoint = value.to_str().and_then(Self::parse);
        endpoint.map(Some).ok_or_else(|| RegistrationError::Address {
            value: value.to_string_lossy().into_owned(),
        })
    }

    /// `host:port`, as Lambda has it; with a scheme and a path, as `cargo lambda` has it.
    fn parse(value: &str) -> Option<Self> {
        let scheme = if value.contains("://") { "" } else { "http://" };
        let uri: Uri = format!("{scheme}{value}").parse().ok()?;
        let authority = uri.authority()?.as_str();
        let host = uri.host()?.trim_start_matches('[').trim_end_matches(']');
        let more = uri.query().is_some() || value.contains('#') || authority.contains('@');
        if uri.scheme_str() != Some("http") || host.is_empty() || more {
            return None;
        }
        Some(Self {
            authority: authority.to_owned(),
            host: host.to_owned(),
            port: uri.port_u16().filter(|&port| port != 0)?,
            base: uri.path().trim_end_matches('/').to_owned(),
        })
    }

    /// Each address that the host has gets its share of the time that is left.
    pub(super) fn connect(&self, deadline: Deadline) -> Result<Line<'_>, RegistrationError> {
        let addresses = self.resolve(deadline).map_err(|error| self.failed(error, deadline))?;
        let mut failure = io::Error::new(ErrorKind::NotFound, "the host has no address");
        for (tried, address) in addresses.iter().enumerate() {
            let shares = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
            let connected =
                deadline.left().and_then(|left| TcpStream::connect_timeout(address, left / shares));
            match connected {
                Ok(stream) => return Ok(Line { stream, endpoint: self, deadline }),
                Err(error) => failure = error,
            }
        }
        Err(self.failed(failure, deadline))
    }

    fn resolve(&self, deadline: Deadline) -> io::Result<Vec<SocketAddr>> {
        if let Ok(address) = self.host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, self.port)]);
        }
        // Resolving has no timeout of its own: the thread that does it is left behind then.
        let (found, addresses) = mpsc::channel();
        let name = (self.host.clone(), self.port);
        thread::Builder::new().name("signoff-resolve".into()).spawn(move || {
            let _ = found.send(name.to_socket_addrs().map(Iterator::collect));
        })?;
        match addresses.recv_timeout(deadline.left()?) {
            Ok(addresses) => addresses,
            Err(_) => Err(ErrorKind::TimedOut.into()),
        }
    }

    fn failed(&self, source: io::Error, deadline: Deadline) -> RegistrationError {
        let address = self.authority.clone();
        if is_timeout(&source) {
            return RegistrationError::Timeout { address, timeout: deadline.timeout };
        }
        RegistrationError::Unreachable { address, source }
    }
}

/// The end of the time for everything together.
#[derive(Clone, Copy)]
pub(super) struct Deadline {
    at: Instant,
    timeout: Duration,
}

impl Deadline {
    pub(super) fn after(timeout: Duration) -> Self {
        const LONGEST: Duration = Duration::from_secs(60 * 60);
        Self { at: Instant::now() + timeout.min(LONGEST), timeout }
    }

    /// Never zero, which sockets take for "without a timeout".
    fn left(self) -> io::Result<Duration> {
        let left = self.at.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

/// A connection on which nothing takes longer than its deadline.
pub(super) struct Line<'a> {
    stream: TcpStream,
    endpoint: &'a Endpoint,
    deadline: Deadline,
}

impl Line<'_> {
    pub(super) fn send(&mut self, request: &str) -> Result<(), RegistrationError> {
        self.deadline
            .left()
            .and_then(|left| self.stream.set_write_timeout(Some(left)))
            .and_then(|()| self.stream.write_all(request.as_bytes()))
            .map_err(|error| self.failed(error))
    }

    /// 0 at the end of what the other side sends.
    pub(super) fn receive(&mut self, buffer: &mut [u8]) -> Result<usize, RegistrationError> {
        loop {
            let received = self
                .deadline
                .left()
                .and_then(|left| self.stream.set_read_timeout(Some(left)))
                .and_then(|()| self.stream.read(buffer));
            match received {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                received => return received.map_err(|error| self.failed(error)),
            }
        }
    }

    fn failed(&self, error: io::Error) -> RegistrationError {
        if is_timeout(&error) {
            return self.endpoint.failed(error, self.deadline);
        }
        RegistrationError::Disconnected(error)
    }

    pub(super) fn into_stream(self) -> TcpStream {
        self.stream
    }
}

/// A socket whose timeout is over says that it would block.
fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock)
}

#[cfg(test)]
mod tests {
    use super::Endpoint;

    fn parts(value: &str) -> Option<(String, String, u16, String)> {
        let Endpoint { authority, host, port, base } = Endpoint::parse(value)?;
        Some((authority, host, port, base))
    }

    #[test]
    fn takes_every_form_that_is_in_use() {
        for (value, authority, host, port, base) in [
            ("127.0.0.1:9001", "127.0.0.1:9001", "127.0.0.1", 9001, ""),
            ("169.254.100.1:9001/", "169.254.100.1:9001", "169.254.100.1", 9001, ""),
            ("http://127.0.0.1:9000/.rt/my-fn", "127.0.0.1:9000", "127.0.0.1", 9000, "/.rt/my-fn"),
            ("127.0.0.1:9000/.rt/my-fn/", "127.0.0.1:9000", "127.0.0.1", 9000, "/.rt/my-fn"),
            ("HTTP://localhost:80", "localhost:80", "localhost", 80, ""),
            ("[::1]:9001", "[::1]:9001", "::1", 9001, ""),
            ("http://[fd00::2]:9001/a/b", "[fd00::2]:9001", "fd00::2", 9001, "/a/b"),
        ] {
            let expected = (authority.to_owned(), host.to_owned(), port, base.to_owned());
            assert_eq!(parts(value), Some(expected), "{value}");
        }
    }

    #[test]
    fn refuses_everything_else() {
        for value in [
            " ",
            "127.0.0.1",
            "127.0.0.1:",
            "127.0.0.1:0",
            "127.0.0.1:65536",
            "127.0.0.1:http",
            ":9001",
            "::1:9001",
            "[::1]",
            "[::1:9001",
            "https://127.0.0.1:9001",
            "unix:///run/api.sock",
            "http://",
            "http:///2020-01-01",
            "me@127.0.0.1:9001",
            "127.0.0.1:9001?x=1",
            "127.0.0.1:9001#x",
            "127.0.0.1:9001\r\nEvil: 1",
            "host name:9001",
            "a://b://c:1",
        ] {
            assert_eq!(parts(value), None, "{value:?}");
        }
    }
}
