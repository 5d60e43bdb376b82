//! What the operating system has to do with signals, under the same names on every platform.
//!
//! The crate's only unsafe code is below this folder.

#[cfg(unix)]
mod unix;

#[cfg(unix)]
pub(crate) use unix::*;
