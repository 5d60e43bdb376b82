//! A hook that runs: how it starts, is polled, and finishes.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{self, Poll};
use std::time::Instant;

use super::budget::StageBudget;
use super::context::HookContext;
use super::deadline::{Deadline, patience};
use super::hook::{Hook, HookFuture, Kind};
use super::progress::Progress;
use super::report::Outcome;
use crate::in_flight::tracked_work::{TrackedWork, in_hook};
use crate::util::block_on::block_on;
use crate::util::panic::catch_panic;

// Invariants
//
// H1  A hook's future is dropped before the hook has finished, unless a thread is blocked in it.
//     So what the hook owned is free before the next stage opens.
// H2  The program's own code (hooks, their futures, the drops of those) runs under `catch_panic`.

pub(super) struct Task {
    progress: Arc<Progress>,
    number: usize,
    kind: Kind,
    deadline: Deadline,
    future: HookFuture,
    tracked: Arc<TrackedWork>,
}

impl Task {
    /// Starts a hook. `None` if it has finished already, or must not start any more.
    pub(super) fn start(
        progress: &Arc<Progress>,
        number: usize,
        hook: Hook,
        budget: &StageBudget,
        is_threaded: bool,
    ) -> Option<Self> {
        let Hook { kind, limit, start, .. } = hook;
        let now = Instant::now();
        let deadline = budget.deadline_of(limit, now);
        // At the deadline a thread needs a moment to drop an async hook. A blocking one cannot be
        // dropped, but one that starts at its deadline may return at once.
        let is_waited_for = kind != Kind::Blocking || deadline.at.is_some_and(|at| at <= now);
        let patience = (is_threaded && is_waited_for).then(|| patience(progress.budget));
        let Some(tracked) = progress.start(number, now, deadline.at, patience) else {
            let _ = catch_panic(|| drop(start)); // H2
            return None;
        };
        let reason = progress.request.reason.clone();
        let context = HookContext { reason, deadline: deadline.at };
        let _span = progress.span.enter();
        match in_hook(&tracked, || catch_panic(|| start(context))) {
            Ok(future) => {
                let progress = Arc::clone(progress);
                Some(Self { progress, number, kind, deadline, future, tracked })
            }
            Err(panic) => {
                progress.finish(number, Outcome::Panicked(panic));
                None
            }
        }
    }

    pub(super) fn poll(&mut self, cx: &mut task::Context<'_>) -> Poll<Outcome> {
        let _span = self.progress.span.enter();
        let future = self.future.as_mut();
        in_hook(&self.tracked, || catch_panic(|| future.poll(cx)))
            .unwrap_or_else(|panic| Poll::Ready(Outcome::Panicked(panic)))
    }

    /// Blocks this thread until the hook has finished or its deadline has passed.
    pub(super) fn block_on(mut self) {
        let deadline = self.deadline.at;
        let outcome = block_on(poll_fn(|cx| self.poll(cx)), deadline);
        self.end(outcome);
    }

    /// Drops the hook (H1). Without an outcome, its deadline has passed.
    pub(super) fn end(self, outcome: Option<Outcome>) {
        let Self { progress, number, kind, deadline, future, tracked } = self;
        let dropped = {
            let _span = progress.span.enter();
            in_hook(&tracked, || catch_panic(|| drop(future)))
        };
        let outcome = outcome.unwrap_or_else(|| kind.at_deadline(deadline.is_own));
        progress.finish(number, dropped.map_or_else(Outcome::Panicked, |()| outcome));
    }
}
