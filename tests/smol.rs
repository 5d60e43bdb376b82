//! The contract, on smol.
#![cfg(target_os = "linux")]
#![allow(unsafe_code, reason = "real signals")]

mod common;

use common::contract::{Runtime, contract};
use common::runtimes::Smol;

contract!(Smol);
