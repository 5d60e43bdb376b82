//! The contract, on smol.
#![cfg(target_os = "linux")]
#![allow(unsafe_code, reason = "real signals")]

mod common;

use common::contract::{Runtime, contract};
use common::runtimes::Smol;

contract!(Smol);

common::cases! {
    the_last_clone_in_an_action: last_clone::test_terminate_kills,
        last_clone::owned_by_an_action::<Smol>;
}
