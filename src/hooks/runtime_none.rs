//! Without tokio, hooks need no runtime around them: the reactors of the others run by themselves.

use std::future::Future;

use crate::util::block_on;

/// Runs the future on this thread.
pub(super) fn block_on(future: impl Future<Output = ()> + Send) {
    HookRuntime::new().block_on(future);
}

pub(super) struct HookRuntime;

impl HookRuntime {
    pub(super) fn new() -> Self {
        Self
    }

    #[allow(clippy::unused_self, reason = "the twin for tokio has a runtime")]
    pub(super) fn block_on(&self, future: impl Future<Output = ()>) {
        block_on::block_on(future, None);
    }
}

pub(super) struct RuntimeHandle;

impl RuntimeHandle {
    pub(super) fn current() -> Self {
        Self
    }

    pub(super) fn enter(&self) -> &Self {
        self
    }
}
