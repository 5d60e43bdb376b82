//! The end of a shutdown.

use std::time::{Duration, Instant};

use super::event::Event;
use super::observer_threads::ObserverThreads;
use super::progress::Progress;
use super::report::{HookReport, Report};

/// How long the end of the process may wait for observers.
const TIMEOUT: Duration = Duration::from_millis(100);

/// A shutdown in which no hook starts any more.
pub(super) struct Closed {
    pub(super) report: Report,
    /// The hooks whose end was not announced before.
    unannounced: Vec<usize>,
    pub(super) observers: ObserverThreads,
}

impl Closed {
    /// Tells the observers. Their code runs on their own threads.
    pub(super) fn new(report: Report, unannounced: Vec<usize>, observers: ObserverThreads) -> Self {
        let closed = Self { report, unannounced, observers };
        for hook in closed.unannounced() {
            closed.observers.send(|| Event::HookEnded(hook.clone()));
        }
        closed.observers.send(|| Event::Ended(closed.report.clone()));
        closed
    }

    /// Tells `tracing`, and waits for the observers, within bounds. Runs code of the program.
    pub(super) fn announce(&mut self, progress: &Progress) {
        self.unannounced().for_each(|hook| progress.span.hook_ended(hook));
        progress.span.shutdown_ended(&self.report);
        self.observers.finish(time_for_observers(progress.deadline));
    }

    fn unannounced(&self) -> impl Iterator<Item = &HookReport> {
        self.unannounced.iter().filter_map(|&number| self.report.hooks().get(number))
    }
}

/// `on_report` comes after them, and needs its share of the time that is left.
fn time_for_observers(deadline: Option<Instant>) -> Duration {
    let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
    left.map_or(TIMEOUT, |left| left.clamp(TIMEOUT / 2, TIMEOUT))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::Hooks;
    use crate::hooks::request::Request;

    #[test]
    fn observers_hear_of_hooks_that_run_or_wait_at_the_end() {
        let (sender, heard) = mpsc::channel();
        let hooks = Hooks::new().hook("blocks", async || {}).then().hook("waits", async || {});
        let hooks = hooks.observe(move |event: &Event| {
            let _ = sender.send(match event {
                Event::HookEnded(hook) => format!("{} {}", hook.name(), hook.outcome()),
                Event::Ended(report) => format!("{} hooks", report.hooks().len()),
                _ => return,
            });
        });
        let progress = Progress::new(hooks, Request::now());
        progress.announce_start();
        assert!(progress.open_stage().is_some());
        assert!(progress.start(0, Instant::now(), None, None).is_some());
        progress.close().observers.finish(Duration::from_secs(30));
        assert!(heard.iter().eq(["blocks abandoned", "waits not started", "2 hooks"]));
    }
}
