//! The address of the Runtime API, which comes from an environment variable.
#![no_main]

use libfuzzer_sys::fuzz_target;
use signoff::fuzzing::endpoint;

fuzz_target!(|value: &str| {
    let Some(parsed) = endpoint(value) else { return };
    let (host, port) = parsed.authority.rsplit_once(':').expect("host and port");
    assert!(!host.is_empty() && port.parse::<u16>().is_ok_and(|port| port != 0), "{parsed:?}");
    assert!(parsed.base.is_empty() || parsed.base.starts_with('/'), "{parsed:?}");
    assert!(!parsed.base.ends_with('/'), "{parsed:?}");
    let is_text = |c: char| !c.is_control() && !c.is_whitespace();
    assert!(parsed.authority.chars().chain(parsed.base.chars()).all(is_text), "{parsed:?}");

    // The value adds no line to the request.
    let plain = endpoint("127.0.0.1:9001").expect("an address");
    assert_eq!(parsed.request.lines().count(), plain.request.lines().count(), "{parsed:?}");

    let again = endpoint(&format!("http://{}{}", parsed.authority, parsed.base));
    assert_eq!(again.as_ref(), Some(&parsed), "parts do not make the same address");
});
