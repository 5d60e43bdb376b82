//! Without tokio, hooks need nothing around them: other runtimes have a reactor of their own.

use std::future::Future;

use crate::block_on;

pub(super) fn block_on<F: Future<Output = ()>>(make: impl Fn() -> F) {
    block_on::block_on(make(), None);
}

pub(super) struct Place;

impl Place {
    pub(super) fn here() -> Self {
        Self
    }

    pub(super) fn enter(&self) -> &Self {
        self
    }
}

#[allow(dead_code, reason = "only the feature `blocking` has that")]
#[allow(clippy::unused_self, reason = "as its twin has it")]
impl Place {
    pub(super) fn driven() -> Self {
        Self
    }

    pub(super) fn block_on(&self, future: impl Future<Output = ()>) {
        block_on::block_on(future, None);
    }
}
