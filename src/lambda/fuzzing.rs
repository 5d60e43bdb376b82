//! The parsers of the address and the responses of the Runtime API, for the fuzz targets.

use std::io::{self, Read};

use super::endpoint::Endpoint;
use super::{response, runtime_api};

/// Reads `response` in pieces of at most `size` bytes, as they arrive from a connection.
///
/// Returns the identifier of the extension or the error's text, and the number of bytes read.
pub fn response(response: &[u8], size: usize) -> (Result<String, String>, usize) {
    let mut pieces = Pieces { rest: response, size };
    let identifier = response::read(&mut pieces)
        .map(|accepted| accepted.identifier)
        .map_err(|error| error.to_string());
    (identifier, response.len() - pieces.rest.len())
}

struct Pieces<'a> {
    rest: &'a [u8],
    size: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.size.min(buffer.len());
        self.rest.read(&mut buffer[..length])
    }
}

/// Parses `AWS_LAMBDA_RUNTIME_API`.
///
/// Returns the host and port, the prefix of all paths, and the first request that is sent there.
#[must_use]
pub fn endpoint(value: &str) -> Option<[String; 3]> {
    let endpoint = Endpoint::parse(value)?;
    let request = runtime_api::register(&endpoint, "name");
    Some([endpoint.authority, endpoint.base, request])
}
