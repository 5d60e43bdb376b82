//! The tokio runtime that hooks run in.

use std::future::Future;
use std::pin::Pin;
use std::thread::{self, ScopedJoinHandle};

use tokio::runtime::{Builder, EnterGuard, Handle, Runtime};

use crate::util::block_on;
use crate::util::panic::catch_panic;

/// Runs the future in a runtime of its own: on this thread, or if that belongs to a runtime or is
/// about to end, on a new one while this one waits.
pub(super) fn block_on(future: impl Future<Output = ()> + Send) {
    let mut future = Box::pin(future);
    if Handle::try_current().is_err_and(|error| error.is_missing_context()) {
        return HookRuntime::new().block_on(future);
    }
    let ended = on_new_thread(future.as_mut());
    if !ended {
        block_on::block_on(future, None); // without a thread, and without tokio's timers
    }
}

/// Returns false if there is no thread to be had.
fn on_new_thread(future: Pin<&mut (impl Future<Output = ()> + Send)>) -> bool {
    let thread = thread::Builder::new().name("signoff-hooks".into());
    thread::scope(|scope| {
        let thread = thread.spawn_scoped(scope, || HookRuntime::new().block_on(future));
        thread.map(ScopedJoinHandle::join).is_ok()
    })
}

/// A small runtime: its timers and sockets work even if that of the program is blocked.
///
/// If none can be built, hooks run without it: late is better than never.
pub(super) struct HookRuntime(Option<Runtime>);

impl HookRuntime {
    pub(super) fn new() -> Self {
        // `enable_all` enables what the program's features of tokio have. With few descriptors
        // left, that may panic.
        let built = catch_panic(|| Builder::new_current_thread().enable_all().build());
        Self(built.ok().and_then(Result::ok))
    }

    pub(super) fn block_on(&self, future: impl Future<Output = ()>) {
        match &self.0 {
            Some(runtime) => runtime.block_on(future),
            None => drop(block_on::block_on(future, None)),
        }
    }
}

impl Drop for HookRuntime {
    /// Does not wait for what hooks have left in it.
    fn drop(&mut self) {
        self.0.take().into_iter().for_each(Runtime::shutdown_background);
    }
}

/// The runtime that a hook is started in, for the threads that run hooks.
pub(super) struct RuntimeHandle(Option<Handle>);

impl RuntimeHandle {
    pub(super) fn current() -> Self {
        Self(Handle::try_current().ok())
    }

    pub(super) fn enter(&self) -> Option<EnterGuard<'_>> {
        self.0.as_ref().map(Handle::enter)
    }
}
