//! The tokio that hooks run in where nobody else drives them: their timers and sockets work while
//! the program's own runtime is stuck, or gone.

use std::future::{self, Future};
use std::sync::Arc;
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
    match build() {
        Some(runtime) => {
            runtime.block_on(future);
            runtime.shutdown_background(); // does not wait for what hooks have left in it
        }
        None => drop(park::block_on(future, None)),
    }
}

fn build() -> Option<tokio::runtime::Runtime> {
    // `enable_all` is all that the program's own features of tokio have. With few descriptors left
    // that may panic.
    caught(|| Builder::new_current_thread().enable_all().build()).ok()?.ok()
}

/// A runtime whose timers and sockets work on every thread, also while some of these are blocked:
/// a thread that no hook runs on drives it. It is never dropped, which would run foreign code.
#[allow(dead_code, reason = "only `exit_on` has more than one thread")]
pub(super) struct Runtime {
    runtime: Option<Arc<tokio::runtime::Runtime>>,
    has_driver: bool,
}

#[allow(dead_code, reason = "only `exit_on` has more than one thread")]
impl Runtime {
    pub(super) fn start() -> Self {
        let runtime = build().map(Arc::new);
        let drive = |runtime: Arc<tokio::runtime::Runtime>| {
            let thread = thread::Builder::new().name("signoff-tokio".into());
            thread.spawn(move || runtime.block_on(future::pending::<()>())).is_ok()
        };
        let has_driver = runtime.clone().is_some_and(drive);
        Self { runtime, has_driver }
    }

    pub(super) fn block_on(&self, future: impl Future<Output = ()>) {
        match &self.runtime {
            Some(runtime) if !self.has_driver => runtime.block_on(future),
            runtime => {
                let _entered = runtime.as_ref().map(|runtime| runtime.enter());
                park::block_on(future, None);
            }
        }
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
