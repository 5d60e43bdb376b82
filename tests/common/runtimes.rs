//! The runtimes that the contract is tested on, each with its backend.

use super::contract::Runtime;

/// tokio with the thread of `block_on` only.
#[cfg(feature = "tokio")]
pub(crate) struct CurrentThread;

#[cfg(feature = "tokio")]
impl Runtime for CurrentThread {
    type Backend = signoff::Tokio;
    const WORKERS: usize = 0;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_all().build().expect("a runtime").block_on(future)
    }

    fn spawn(task: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(task);
    }
}

/// tokio with two workers.
#[cfg(feature = "tokio")]
pub(crate) struct MultiThread;

#[cfg(feature = "tokio")]
impl Runtime for MultiThread {
    type Backend = signoff::Tokio;
    const WORKERS: usize = 2;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(Self::WORKERS).enable_all().build();
        runtime.expect("a runtime").block_on(future)
    }

    fn spawn(task: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(task);
    }
}

#[cfg(feature = "smol")]
pub(crate) struct Smol;

#[cfg(feature = "smol")]
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

#[cfg(feature = "async-std")]
pub(crate) struct AsyncStd;

#[cfg(feature = "async-std")]
impl Runtime for AsyncStd {
    type Backend = signoff::AsyncStd;
    const WORKERS: usize = 2; // see `Case::command`

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        async_std::task::block_on(future)
    }

    fn spawn(task: impl Future<Output = ()> + Send + 'static) {
        async_std::task::spawn(task);
    }

    /// `listen` needs no executor, and those of async-std panic without descriptors.
    fn inside<T>(f: impl FnOnce() -> T) -> T {
        f()
    }
}

/// No runtime: plain threads.
#[cfg(feature = "blocking")]
pub(crate) struct Plain;

#[cfg(feature = "blocking")]
impl Runtime for Plain {
    type Backend = signoff::Blocking;
    const WORKERS: usize = 0;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        futures_lite::future::block_on(future)
    }

    fn spawn(task: impl Future<Output = ()> + Send + 'static) {
        std::thread::spawn(|| futures_lite::future::block_on(task));
    }
}
