//! The contract, on smol.
#![cfg(target_os = "linux")]
#![allow(unsafe_code, reason = "real signals")]

mod common;

use common::contract::{Runtime, contract};

struct Smol;

impl Runtime for Smol {
    type Backend = signoff::Smol;
    const WORKERS: usize = 2; // see `Case::command`

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        smol::block_on(future)
    }

    fn spawn(task: impl Future<Output = ()> + Send + 'static) {
        smol::spawn(task).detach();
    }
}

contract!(Smol);
