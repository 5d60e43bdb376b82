//! The contract, on plain threads.
#![cfg(target_os = "linux")]
#![allow(unsafe_code, reason = "real signals")]

mod common;

use common::contract::{Runtime, contract};
use futures_lite::future;

struct Plain;

impl Runtime for Plain {
    type Backend = signoff::Blocking;
    const WORKERS: usize = 0;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        future::block_on(future)
    }

    fn spawn(task: impl Future<Output = ()> + Send + 'static) {
        std::thread::spawn(|| future::block_on(task));
    }
}

contract!(Plain);
