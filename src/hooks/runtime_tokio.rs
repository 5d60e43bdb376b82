//! The tokio that hooks run in where nobody else drives them: their timers and sockets work while
//! the program's own runtime is stuck, or gone.

use std::future::Future;
use std::thread;

use tokio::runtime::{Builder, EnterGuard, Handle};

use super::hook::caught;
use crate::park;

/// Runs the future to its end: on this thread, or where this one belongs to a runtime or is about to
/// end, on a thread that this one waits for.
pub(super) fn block_on<F: Future<Output = ()>>(make: impl Fn() -> F + Send + Sync) {
    if Handle::try_current().is_err_and(|error| error.is_missing_context()) {
        return on_this_thread(make());
    }
    let thread = thread::Builder::new().name("signoff-hooks".into());
    let ended = thread::scope(|scope| {
        thread.spawn_scoped(scope, || on_this_thread(make())).map(|thread| thread.join().is_ok())
    });
    if ended.is_err() {
        park::block_on(make(), None); // no thread: without the timers of that tokio
    }
}

fn on_this_thread(future: impl Future<Output = ()>) {
    // `enable_all` is all that the program's own features of tokio have. With few descriptors left
    // that may panic.
    match caught(|| Builder::new_current_thread().enable_all().build()) {
        Ok(Ok(runtime)) => {
            runtime.block_on(future);
            runtime.shutdown_background(); // does not wait for what hooks have left in it
        }
        _ => drop(park::block_on(future, None)),
    }
}

/// The runtime that a synchronous hook is started in.
pub(super) struct Place(Option<Handle>);

impl Place {
    pub(super) fn here() -> Self {
        Self(Handle::try_current().ok())
    }

    pub(super) fn enter(&self) -> Option<EnterGuard<'_>> {
        self.0.as_ref().map(Handle::enter)
    }
}
