//! The parsers of the address and the responses of the Runtime API, for the fuzz targets.

use super::response::{self, Pieces};

/// What a registration took from a response.
#[derive(Debug)]
pub struct Response {
    /// The identifier of the extension, or the error's text.
    pub identifier: Result<String, String>,
    /// How many bytes were read.
    pub read: usize,
}

/// Reads `response` in pieces of at most `piece` bytes, as they come from a connection.
#[must_use]
pub fn response(response: &[u8], piece: usize) -> Response {
    let mut pieces = Pieces { rest: response, size: piece };
    let identifier = response::read(&mut pieces).map_err(|error| error.to_string());
    Response { identifier, read: response.len() - pieces.rest.len() }
}

/// The parts of an address.
#[derive(Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Host and port.
    pub authority: String,
    /// The prefix of all paths.
    pub base: String,
    /// The first request that is sent there.
    pub request: String,
}

/// Parses `AWS_LAMBDA_RUNTIME_API`.
#[must_use]
pub fn endpoint(value: &str) -> Option<Endpoint> {
    let endpoint = super::endpoint::Endpoint::parse(value)?;
    let request = super::runtime_api::register(&endpoint, "name");
    let super::endpoint::Endpoint { authority, base } = endpoint;
    Some(Endpoint { authority, base, request })
}
