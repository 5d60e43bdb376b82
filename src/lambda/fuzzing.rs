//! The parsers of what comes from the Runtime API's side, for the fuzz targets.

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
    let mut read = 0;
    let result = super::response::read(|buffer| {
        let rest = &response[read..];
        let length = rest.len().min(buffer.len()).min(piece);
        buffer[..length].copy_from_slice(&rest[..length]);
        read += length;
        Ok(length)
    });
    let identifier = result.map(|registered| registered.identifier);
    Response { identifier: identifier.map_err(|error| error.to_string()), read }
}

/// The parts of an address.
#[derive(Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Host and port.
    pub authority: String,
    /// The host without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The prefix of all paths.
    pub base: String,
    /// The first request that is sent there.
    pub request: String,
}

/// Parses `AWS_LAMBDA_RUNTIME_API`.
#[must_use]
pub fn endpoint(value: &str) -> Option<Endpoint> {
    let endpoint = super::endpoint::Endpoint::parse(value)?;
    let request = super::request::register(&endpoint, "name");
    let super::endpoint::Endpoint { authority, host, port, base } = endpoint;
    Some(Endpoint { authority, host, port, base, request })
}
