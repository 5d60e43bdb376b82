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
        loop {
            if let Some(running) = job.engine().running() {
                let names = running.names();
                if names != said {
                    self.say(&running, job);
                    said = names;
                }
            }
            if job.wait_for(Phase::Reporting, Some(Instant::now() + SILENCE)) {
                return;
            }
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
