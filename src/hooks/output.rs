//! Output of a process that is about to exit: it may block, or panic, without harm.

use std::io::{self, IsTerminal, Write};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// How long a write may block, for example on a pipe that is full and not read from.
pub(super) const OUTPUT_TIMEOUT: Duration = Duration::from_millis(500);

/// Prints lines on standard error. Ignores errors, which could be printed nowhere.
pub(super) fn eprint(text: &str) {
    // A terminal shows `^C` at the cursor; the text replaces that.
    let start = if io::stderr().is_terminal() { "\r" } else { "" };
    let text = format!("{start}{text}\n");
    let (printed, is_printed) = mpsc::sync_channel(1);
    let lines = text.clone();
    let print = move || {
        write_error(&lines);
        let _ = printed.send(()); // the receiver may have timed out
    };
    match thread::Builder::new().name("signoff-output".into()).spawn(print) {
        Ok(_) => _ = is_printed.recv_timeout(OUTPUT_TIMEOUT),
        Err(_) => write_error(&text), // without a thread it may block
    }
}

fn write_error(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}
