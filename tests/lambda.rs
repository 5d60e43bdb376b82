//! The extension, registered with a fake Runtime API, and the hooks of functions.
#![allow(unsafe_code, reason = "kill(2), setrlimit(2)")]

#[path = "lambda/errors.rs"]
mod errors;
#[path = "lambda/fake.rs"]
mod fake;
#[path = "lambda/function.rs"]
mod function;
#[path = "lambda/hooks.rs"]
mod hooks;
#[path = "lambda/registration.rs"]
mod registration;
#[path = "lambda/responses.rs"]
mod responses;
#[path = "common/skipped.rs"]
mod skipped;
#[path = "lambda/snapstart.rs"]
mod snapstart;
#[path = "lambda/timeouts.rs"]
mod timeouts;

use std::time::Duration;

use fake::Api;
use function::start;

/// Far more than any step takes, on any machine.
const BOUND: Duration = Duration::from_secs(30);

/// The registration with `address` fails with this kind of error, whose text has these words.
#[track_caller]
fn fails_at(address: &str, kind: &str, words: &[&str]) {
    let function = start(address, "plain", BOUND);
    is(&function.line(), kind, words);
    function.ends();
}

#[track_caller]
fn fails(api: &Api, kind: &str, words: &[&str]) {
    fails_at(&api.address.to_string(), kind, words);
}

#[track_caller]
fn is(line: &str, kind: &str, words: &[&str]) {
    let (actual, text) = line.split_once(" | ").unwrap_or((line, ""));
    assert_eq!(actual, kind, "{line}");
    for word in words {
        assert!(text.contains(word), "{word:?} expected: {line}");
    }
}

#[track_caller]
fn registers(address: &str, way: &str) {
    let function = start(address, way, BOUND);
    function.says("registered");
    function.ends();
}
