//! The address of the Runtime API.

use std::env;

use http::Uri;

use super::deadline::Deadline;
use super::registration_error::RegistrationError;

const VARIABLE: &str = "AWS_LAMBDA_RUNTIME_API";

/// Returns whether the process runs in Lambda, or in an emulator of it.
pub(super) fn is_lambda() -> bool {
    env::var_os(VARIABLE).is_some_and(|value| !value.is_empty())
}

/// The parsed value of `AWS_LAMBDA_RUNTIME_API`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// Host and port as in the variable, with brackets around an IPv6 address: the `Host` header.
    pub(super) authority: String,
    pub(super) host: String,
    pub(super) port: u16,
    /// The prefix of all paths, without a slash at its end.
    pub(super) base: String,
}

impl Endpoint {
    /// Returns `None` outside Lambda.
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

    /// Accepts `host:port`, which Lambda sets, and `http://host:port/path`, which `cargo lambda` sets.
    pub(super) fn parse(value: &str) -> Option<Self> {
        let scheme = if value.contains("://") { "" } else { "http://" };
        let uri: Uri = format!("{scheme}{value}").parse().ok()?;
        let authority = uri.authority()?.as_str();
        let host = uri.host()?.trim_start_matches('[').trim_end_matches(']');
        let more = uri.query().is_some() || value.contains('#') || authority.contains('@');
        // `Uri` takes any character in a path, and a request only ASCII.
        if uri.scheme_str() != Some("http") || host.is_empty() || more || !value.is_ascii() {
            return None;
        }
        Some(Self {
            authority: authority.to_owned(),
            host: host.to_owned(),
            port: uri.port_u16().filter(|&port| port != 0)?,
            base: uri.path().trim_end_matches('/').to_owned(),
        })
    }

    pub(super) fn timed_out(&self, deadline: Deadline) -> RegistrationError {
        let (address, timeout) = (self.authority.clone(), deadline.timeout());
        RegistrationError::Timeout { address, timeout }
    }
}

#[cfg(test)]
mod tests {
    use super::Endpoint;

    fn parts(value: &str) -> Option<(String, String, u16, String)> {
        let Endpoint { authority, host, port, base } = Endpoint::parse(value)?;
        Some((authority, host, port, base))
    }

    #[test]
    fn accepts_every_form_in_use() {
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
    fn rejects_everything_else() {
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
            "127.0.0.1:9001/caf\u{e9}",
            "127.0.0.1:9001/\u{a0}",
            "a://b://c:1",
        ] {
            assert_eq!(parts(value), None, "{value:?}");
        }
    }
}
