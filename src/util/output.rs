//! Lines on standard error, from a process that is about to exit: they never delay it.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::util::os::stderr::{RawStderr, wait_until_writable};
use crate::util::os::terminal;
use crate::util::text::escape;

/// The bytes that a pipe or a terminal takes at once, if it takes any.
const SHORT: usize = 512;

/// Prints lines on standard error, and returns at the timeout even if they are not written by then.
///
/// A full, closed or stopped standard error does no harm, and neither does a terminal whose
/// background jobs must not write (`stty tostop`). Errors are ignored: they could be printed nowhere.
pub(crate) fn eprint(text: &str, timeout: Duration) {
    let lines = lines(text);
    let (printed, is_printed) = mpsc::sync_channel(1);
    let print = {
        let lines = lines.clone();
        move || {
            let _ = RawStderr.write_all(lines.as_bytes());
            let _ = printed.send(()); // the receiver may have timed out
        }
    };
    if thread::Builder::new().name("signoff-output".into()).spawn(print).is_ok() {
        let _ = is_printed.recv_timeout(timeout);
        return;
    }
    // Without a thread, it writes no more than what does not block.
    let end = Instant::now() + timeout;
    for part in lines.as_bytes().chunks(SHORT) {
        let left = end.saturating_duration_since(Instant::now());
        if !wait_until_writable(left) || RawStderr.write_all(part).is_err() {
            return;
        }
    }
}

/// Returns the line that says what runs, and what Ctrl-C does if the terminal has it.
pub(crate) fn waiting(running: &impl fmt::Display, ctrl_c: Option<&str>) -> String {
    let hint = ctrl_c.filter(|_| terminal::has_ctrl_c()).map(|hint| format!(", {hint}"));
    escape(&format!("{running}{}", hint.unwrap_or_default()))
}

/// Returns the text as standard error needs it.
///
/// A terminal shows `^C` at the cursor, and the first line replaces that. For a background job, the line
/// of the shell is there instead. In raw mode, a line break does not move the cursor to the first column.
pub(crate) fn lines(text: &str) -> String {
    if io::stderr().is_terminal() {
        let start = if terminal::is_in_background() { "" } else { "\r" };
        format!("{start}{}\r\n", text.replace('\n', "\r\n"))
    } else {
        format!("{text}\n")
    }
}
