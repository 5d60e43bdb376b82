//! The address of the Runtime API, which comes from an environment variable.
#![no_main]

use libfuzzer_sys::fuzz_target;
use signoff::fuzzing::endpoint;

fuzz_target!(|value: &str| {
    let Some([authority, base, request]) = endpoint(value) else { return };
    let (host, port) = authority.rsplit_once(':').expect("host and port");
    assert!(!host.is_empty() && port.parse::<u16>().is_ok_and(|port| port != 0), "{authority:?}");
    assert!(base.is_empty() || base.starts_with('/'), "{base:?}");
    assert!(!base.ends_with('/'), "{base:?}");
    let is_text = |c: char| !c.is_control() && !c.is_whitespace();
    assert!(authority.chars().chain(base.chars()).all(is_text), "{authority:?} {base:?}");

    // The value adds no line to the request.
    let [_, _, plain] = endpoint("127.0.0.1:9001").expect("an address");
    assert_eq!(request.lines().count(), plain.lines().count(), "{request:?}");

    let again = endpoint(&format!("http://{authority}{base}"));
    assert_eq!(again, Some([authority, base, request]), "parts do not make the same address");
});
