//! The parts that differ between operating systems, under the same names.
//!
//! The crate's only unsafe code for signals is below this folder.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(crate) use unix::*;
#[cfg(windows)]
pub(crate) use windows::*;
