//! The contract, on async-std.
#![cfg(target_os = "linux")]
#![allow(unsafe_code, reason = "real signals")]

mod common;

use async_std::task;
use common::contract::{Runtime, contract};

struct AsyncStd;

impl Runtime for AsyncStd {
    type Backend = signoff::AsyncStd;
    const WORKERS: usize = 2; // see `Case::command`

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        task::block_on(future)
    }

    fn spawn(task: impl Future<Output = ()> + Send + 'static) {
        task::spawn(task);
    }

    /// `listen` needs no executor, and those of async-std panic without descriptors.
    fn inside<T>(f: impl FnOnce() -> T) -> T {
        f()
    }
}

contract!(AsyncStd);
