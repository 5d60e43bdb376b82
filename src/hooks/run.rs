//! Runs the hooks and returns their report.

use std::sync::Arc;

use super::alarm::Timer;
use super::builder::Hooks;
use super::driver::{self, AsyncHooks};
use super::progress::Progress;
use super::report::Report;
use super::request::Request;
use super::runtime;
use crate::signal::ShutdownSignal;

impl Hooks {
    /// Runs the hooks now, on the executor that awaits this future.
    ///
    /// # Cancel safety
    ///
    /// If this future is dropped before it resolves, the running hooks are dropped with it, and
    /// the others never start.
    pub async fn run(self) -> Report {
        let progress = Progress::new(self, Request::now());
        run(&progress).await;
        report(&progress)
    }

    /// Waits until the shutdown is requested, then runs the hooks. The budget counts from the
    /// request, and the report has its reason.
    ///
    /// # Cancel safety
    ///
    /// As for [`run`](Self::run).
    pub async fn run_on(self, shutdown: ShutdownSignal) -> Report {
        (&shutdown).await;
        let progress = Progress::new(self, Request::of(&shutdown));
        run(&progress).await;
        report(&progress)
    }

    /// Runs the hooks now, and blocks this thread until they have finished.
    ///
    /// With the feature `tokio` they run in a small runtime of their own, so hooks may use its
    /// timers and sockets. If this thread belongs to a runtime, they run on a new thread while this
    /// one waits. A hook that needs the runtime of a blocked thread times out, though:
    /// asynchronous code should use [`run`](Self::run).
    pub fn run_blocking(self) -> Report {
        let progress = Progress::new(self, Request::now());
        runtime::block_on(run(&progress));
        report(&progress)
    }
}

async fn run(progress: &Arc<Progress>) {
    let timer = Timer::default();
    driver::run(Arc::clone(progress), timer, AsyncHooks::OnExecutor).await;
}

fn report(progress: &Progress) -> Report {
    let mut closed = progress.close();
    closed.announce(&progress.span, progress.deadline);
    closed.report
}
