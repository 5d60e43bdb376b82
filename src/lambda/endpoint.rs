//! The address of the Runtime API, from `AWS_LAMBDA_RUNTIME_API`.
//!
//! The variable is set in Lambda and in emulators of it, and nowhere else. Both parts of the address
//! go into requests, so only ASCII is accepted.

use std::env;

use http::Uri;

use super::error::RegistrationError;

const VARIABLE: &str = "AWS_LAMBDA_RUNTIME_API";

/// Returns whether the process runs in Lambda, or in an emulator of it.
pub(super) fn is_lambda() -> bool {
    env::var_os(VARIABLE).is_some_and(|value| !value.is_empty())
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// Host and port, with brackets around an IPv6 address: the `Host` header.
    pub(super) authority: String,
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
        let more = uri.query().is_some() || value.contains('#') || authority.contains('@');
        let has_host = uri.host().is_some_and(|host| !host.is_empty());
        let has_port = uri.port_u16().is_some_and(|port| port != 0);
        // `Uri` accepts any character in a path, and a request only ASCII.
        let is_valid = uri.scheme_str() == Some("http") && has_host && has_port && value.is_ascii();
        (is_valid && !more).then(|| Self {
            authority: authority.to_owned(),
            base: uri.path().trim_end_matches('/').to_owned(),
        })
    }
}
