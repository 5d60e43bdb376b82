//! Tests that cannot run on this machine.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Mutex;
use std::{env, io};

/// Says once why a test is skipped. libtest captures what the print macros write, but not this.
///
/// With `SIGNOFF_REQUIRE_ALL=1` a skipped test fails.
#[track_caller]
pub(crate) fn skipped(reason: &str) {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let is_required = env::var("SIGNOFF_REQUIRE_ALL").is_ok_and(|value| value == "1");
    assert!(!is_required, "SIGNOFF_REQUIRE_ALL=1, and this would be skipped: {reason}");
    if SAID.lock().expect("no panic").insert(reason.to_owned()) {
        let line = format!("skipped: {reason}\n"); // one write, so that lines do not mix
        io::stderr().write_all(line.as_bytes()).expect("standard error is open");
    }
}
