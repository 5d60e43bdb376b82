//! The end of a shutdown.

use std::time::{Duration, Instant};

use super::event::Event;
use super::observer_threads::ObserverThreads;
use super::report::{HookReport, Report};
use super::span::ShutdownSpan;

/// How long the end of the process may wait for observers.
const TIMEOUT: Duration = Duration::from_millis(100);

/// A shutdown in which no hook starts any more.
pub(super) struct Closed {
    pub(super) report: Report,
    /// The hooks whose end was not announced before.
    unannounced: Vec<HookReport>,
    pub(super) observers: ObserverThreads,
}

impl Closed {
    /// Tells the observers. Their code runs on their own threads.
    pub(super) fn new(
        report: Report,
        unannounced: Vec<HookReport>,
        observers: ObserverThreads,
    ) -> Self {
        for hook in &unannounced {
            observers.send(|| Event::HookEnded(hook.clone()));
        }
        observers.send(|| Event::Ended(report.clone()));
        Self { report, unannounced, observers }
    }

    /// Tells `tracing`, and waits for the observers, within bounds. Runs code of the program.
    pub(super) fn announce(&mut self, span: &ShutdownSpan, deadline: Option<Instant>) {
        self.unannounced.iter().for_each(|hook| span.hook_ended(hook));
        span.shutdown_ended(&self.report);
        self.observers.finish(time_for_observers(deadline));
    }
}

/// `on_report` comes after them, and needs its share of the time that is left.
fn time_for_observers(deadline: Option<Instant>) -> Duration {
    let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
    left.map_or(TIMEOUT, |left| left.clamp(TIMEOUT / 2, TIMEOUT))
}
