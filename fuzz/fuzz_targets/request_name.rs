//! The name of a request, whose method and path come from the client.
#![no_main]

use libfuzzer_sys::fuzz_target;
use signoff::fuzzing::request_name;

fuzz_target!(|request: (&[u8], &[u8])| {
    let (method, uri) = request;
    let Some(name) = request_name(method, uri) else { return };
    assert!(name.chars().count() <= 80, "too long: {name:?}");
    assert!(!name.chars().any(char::is_control), "not escaped: {name:?}");
    let reorders = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    assert!(!name.chars().any(reorders), "not escaped: {name:?}");

    // The query is not a part of it.
    let path = uri.split(|byte| matches!(byte, b'?' | b'#')).next().unwrap_or_default();
    if let Some(short) = request_name(method, path) {
        assert_eq!(name, short);
    }
});
