//! How to run the hooks.

use std::sync::Arc;

use super::builder::Hooks;
use super::plan::Plan;
use super::report::Report;
use super::{runtime, stage};
use crate::reason::Reason;
use crate::shutdown_signal::ShutdownSignal;

impl Hooks {
    /// Runs the hooks, on whatever executor this future is awaited.
    ///
    /// # Cancel safety
    ///
    /// Where this future is dropped before its end, the hooks that run are dropped with it, and
    /// those that did not begin yet never run.
    pub async fn run(self) -> Report {
        run(self, None).await
    }

    /// Waits for the shutdown, then runs the hooks. The budget counts from there, and the report
    /// has the reason.
    ///
    /// # Cancel safety
    ///
    /// As for [`run`](Self::run).
    pub async fn run_on(self, shutdown: ShutdownSignal) -> Report {
        (&shutdown).await;
        run(self, shutdown.reason()).await
    }

    /// Runs the hooks, and blocks this thread until they have ended.
    ///
    /// With the feature `tokio` they run in a small runtime of their own, so hooks may use its
    /// timers and sockets wherever this is called. Inside of a runtime, which does not like to be
    /// blocked, they run on a thread next to this one. What belongs to a runtime whose only thread
    /// is this one stands still all the same: a hook that needs that hits its limit. In
    /// asynchronous code, [`run`](Self::run) has no such edge.
    pub fn run_blocking(self) -> Report {
        let plan = Plan::new(self, None);
        runtime::block_on(|| stage::run(Arc::clone(&plan), 0));
        report(&plan)
    }
}

async fn run(hooks: Hooks, reason: Option<Reason>) -> Report {
    let plan = Plan::new(hooks, reason);
    stage::run(Arc::clone(&plan), 0).await;
    report(&plan)
}

fn report(plan: &Plan) -> Report {
    let report = plan.report();
    plan.telling.over(&report);
    report
}
