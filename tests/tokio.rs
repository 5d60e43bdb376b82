//! The contract, on both flavours of tokio.
#![cfg(target_os = "linux")]
#![allow(unsafe_code, reason = "real signals")]

mod common;

use common::contract::{Runtime, contract};
use tokio::runtime::Builder;

mod current_thread {
    use super::*;

    struct CurrentThread;

    impl Runtime for CurrentThread {
        type Backend = signoff::Tokio;
        const WORKERS: usize = 0;

        fn block_on<T>(future: impl Future<Output = T>) -> T {
            Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
        }

        fn spawn(task: impl Future<Output = ()> + Send + 'static) {
            tokio::spawn(task);
        }
    }

    contract!(CurrentThread);
}

mod multi_thread {
    use super::*;

    struct MultiThread;

    impl Runtime for MultiThread {
        type Backend = signoff::Tokio;
        const WORKERS: usize = 2;

        fn block_on<T>(future: impl Future<Output = T>) -> T {
            let mut runtime = Builder::new_multi_thread();
            let runtime = runtime.worker_threads(Self::WORKERS).enable_all().build();
            runtime.expect("a runtime").block_on(future)
        }

        fn spawn(task: impl Future<Output = ()> + Send + 'static) {
            tokio::spawn(task);
        }
    }

    contract!(MultiThread);
}
