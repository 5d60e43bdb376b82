//! What `exit_on` says on standard error: what it waits for, and the report if it is not clean.
//!
//! It has a thread of its own that starts after a second of waiting, so standard error may block it. With
//! the feature `tracing`, the lines are events if the subscriber of the thread that called `run` has
//! enabled them.

use std::time::{Duration, Instant};

use super::job::{ExitJob, Phase};
use crate::hooks::engine::{BOUND, Subscriber};
use crate::hooks::event::Running;
use crate::hooks::report::Report;
use crate::util::output;

/// The time before the first line, and between two of them.
pub(super) const SILENCE: Duration = Duration::from_secs(1);
/// A hook that runs for less is not waited for yet: `0 ms` would say nothing.
const JUST_STARTED: Duration = Duration::from_millis(100);

pub(super) struct Voice {
    /// Whether the process says what it waits for.
    pub(super) speaks: bool,
    /// Whether it prints a report that is not clean.
    pub(super) reports: bool,
    subscriber: Subscriber,
}

impl Voice {
    pub(super) fn new(speaks: bool, reports: bool) -> Self {
        Self { speaks, reports, subscriber: Subscriber::current() }
    }

    /// Prints a line, and again when the names in it change, until the hooks have ended.
    pub(super) fn speak(&self, job: &ExitJob) {
        let mut said = Vec::new();
        let mut pause = Duration::ZERO;
        while !job.wait_for(Phase::Reporting, Some(Instant::now() + pause)) {
            pause = SILENCE;
            let Some(running) = job.engine().running() else { continue };
            let names = running.names();
            if names == said {
                continue;
            }
            if running.hooks().iter().all(|hook| hook.running_for() < JUST_STARTED) {
                pause = JUST_STARTED;
                continue;
            }
            self.say(&running, job);
            said = names;
        }
    }

    fn say(&self, running: &Running, job: &ExitJob) {
        if !self.subscriber.info(running) {
            output::eprint(&output::waiting(running, job.shutdown.ctrl_c_hint()), BOUND);
        }
    }

    pub(super) fn report(&self, report: &Report) {
        if self.reports && !report.is_clean() && !self.subscriber.error(report) {
            report.eprint();
        }
    }
}
