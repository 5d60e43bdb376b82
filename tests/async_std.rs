//! The contract, on async-std.
#![cfg(target_os = "linux")]
#![allow(unsafe_code, reason = "real signals")]

mod common;

use common::contract::{Runtime, contract};
use common::runtimes::AsyncStd;

contract!(AsyncStd);
