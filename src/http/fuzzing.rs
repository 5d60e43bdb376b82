//! The parser-like part for the fuzzer: the name of a request, which comes from the client.

use http::{Method, Uri};

use super::name::name;

/// Names a request whose method and path are the two lines of `data`.
pub fn request_name(data: &[u8]) {
    let mut lines = data.splitn(2, |byte| *byte == b'\n');
    let method = lines.next().and_then(|method| Method::from_bytes(method).ok());
    let uri = lines.next().and_then(|uri| Uri::try_from(uri).ok());
    if let (Some(method), Some(uri)) = (method, uri) {
        let name = name(&method, &uri);
        assert!(name.chars().count() <= 80, "too long: {name:?}");
        assert!(!name.chars().any(char::is_control), "not escaped: {name:?}");
        assert!(!name.contains('?') || method.as_str().contains('?'), "with a query: {name:?}");
    }
}
