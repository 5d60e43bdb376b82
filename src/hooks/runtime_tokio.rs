//! The tokio that hooks run in where nobody else drives them: their timers and sockets work while
//! the program's own runtime is stuck, or gone.

use std::future::{self, Future};
use std::thread;

use tokio::runtime::{Builder, EnterGuard, Handle, Runtime};

use super::hook::caught;
use crate::block_on;

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
        block_on::block_on(make(), None); // no thread: without the timers of that tokio
    }
}

fn on_this_thread(future: impl Future<Output = ()>) {
    match build() {
        Some(runtime) => {
            runtime.block_on(future);
            runtime.shutdown_background(); // does not wait for what hooks have left in it
        }
        None => drop(block_on::block_on(future, None)),
    }
}

fn build() -> Option<Runtime> {
    // `enable_all` is all that the program's own features of tokio have. With few descriptors left
    // that may panic.
    caught(|| Builder::new_current_thread().enable_all().build()).ok()?.ok()
}

/// The runtime that a hook is polled in, or a synchronous one is started in.
pub(super) struct Place(Option<Handle>);

impl Place {
    pub(super) fn here() -> Self {
        Self(Handle::try_current().ok())
    }

    pub(super) fn enter(&self) -> Option<EnterGuard<'_>> {
        self.0.as_ref().map(Handle::enter)
    }
}

/// For `exit_on`, whose hooks may need more than one thread.
#[allow(dead_code, reason = "only the feature `blocking` has that")]
impl Place {
    /// A runtime whose timers and sockets work on every thread, whichever of them is blocked: one
    /// that polls no hook drives it, for as long as the process lasts.
    pub(super) fn driven() -> Self {
        let drive = |runtime: Runtime| {
            let handle = runtime.handle().clone();
            let thread = thread::Builder::new().name("signoff-tokio".into());
            let driver = thread.spawn(move || runtime.block_on(future::pending::<()>()));
            driver.is_ok().then_some(handle)
        };
        Self(build().and_then(drive))
    }

    /// Where there is no such runtime, the thread has one of its own: late is better than never.
    pub(super) fn block_on(&self, future: impl Future<Output = ()>) {
        if self.0.is_none() {
            return on_this_thread(future);
        }
        let _entered = self.enter();
        block_on::block_on(future, None);
    }
}
