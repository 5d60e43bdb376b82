//! What the operating system has to do with signals, under the same names on every platform.
//!
//! The crate's only unsafe code is below this folder. `forced_exit`, a second Ctrl-C, is the same
//! everywhere.

mod forced_exit;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(crate) use unix::*;
#[cfg(windows)]
pub(crate) use windows::*;
