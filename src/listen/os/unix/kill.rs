//! Sends a signal.

use std::io;

use super::check;

/// `process` is positive: other numbers are groups of processes.
pub(crate) fn kill(process: i32, signal: i32) -> io::Result<()> {
    // SAFETY: plain numbers.
    check(unsafe { libc::kill(process, signal) })
}
