//! Sends a signal.

use std::io;

use super::check;

/// A negative number is a group of processes.
pub(crate) fn kill(process: i32, signal: i32) -> io::Result<()> {
    // SAFETY: plain numbers.
    check(unsafe { libc::kill(process, signal) })
}
