//! Runs the hooks and returns their report.

use std::sync::Arc;

use super::builder::Hooks;
use super::engine::{self, BOUND, Engine};
use super::report::Report;
use crate::signal::ShutdownSignal;

impl Hooks {
    /// Runs the hooks now, on the executor that awaits this future.
    ///
    /// # Cancel safety
    ///
    /// If this future is dropped before it resolves, the running hooks are dropped with it, and
    /// the others never start.
    pub async fn run(self) -> Report {
        run(Engine::now(self)).await
    }

    /// Waits until the shutdown is requested, then runs the hooks. The budget counts from the
    /// request, and the report has its reason.
    ///
    /// # Cancel safety
    ///
    /// As for [`run`](Self::run).
    pub async fn run_on(self, shutdown: ShutdownSignal) -> Report {
        (&shutdown).await;
        run(Engine::requested(self, &shutdown)).await
    }

    /// Runs the hooks now, and blocks this thread until they have finished.
    ///
    /// With the feature `tokio` they run in a small runtime of their own, so hooks may use its
    /// timers and sockets. If this thread belongs to a runtime, they run on a new thread while this
    /// one waits. A hook that needs the runtime of a blocked thread times out, though:
    /// asynchronous code should use [`run`](Self::run).
    pub fn run_blocking(self) -> Report {
        let engine = Engine::now(self);
        engine::block_on(engine::run_on_executor(Arc::clone(&engine)));
        report(&engine)
    }
}

async fn run(engine: Arc<Engine>) -> Report {
    engine::run_on_executor(Arc::clone(&engine)).await;
    report(&engine)
}

fn report(engine: &Engine) -> Report {
    let (report, mut observers) = engine.close();
    engine.tell();
    observers.finish(BOUND / 5);
    report
}
