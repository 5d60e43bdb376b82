//! The parts that differ between operating systems, under the same names.
//!
//! The crate's only unsafe code for signals is below this folder.

#[cfg_attr(unix, path = "unix/mod.rs")]
#[cfg_attr(windows, path = "windows/mod.rs")]
mod system;

pub(crate) use system::*;
