//! The name of a request, for the fuzz target.

use http::{Method, Uri};

/// Returns the name, or `None` if hyper would refuse the request.
#[must_use]
pub fn request_name(method: &[u8], uri: &[u8]) -> Option<String> {
    let name = super::name::name(&Method::from_bytes(method).ok()?, &Uri::try_from(uri).ok()?);
    Some(name.into_text().into())
}
