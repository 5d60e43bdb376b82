//! What `exit_on` says on standard error: what it waits for, and the report if it is not clean.
//!
//! It has a thread of its own that starts after a second of waiting, so standard error may block it. With
//! the feature `tracing`, the lines are events if the subscriber of the thread that called `run` has
//! enabled them.

#![cfg_attr(
    not(feature = "tracing"),
    allow(clippy::unused_self, reason = "the subscriber is in it")
)]

use std::time::{Duration, Instant};

use super::job::{ExitJob, Phase};
use crate::hooks::engine::BOUND;
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
    #[cfg(feature = "tracing")]
    subscriber: tracing::Dispatch,
}

impl Voice {
    pub(super) fn new(speaks: bool, reports: bool) -> Self {
        Self {
            speaks,
            reports,
            #[cfg(feature = "tracing")]
            subscriber: tracing::dispatcher::get_default(Clone::clone),
        }
    }

    /// Prints a line, and again when the names in it change, until the hooks have ended.
    pub(super) fn speak(&self, job: &ExitJob) {
        if !self.speaks {
            return;
        }
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
        #[cfg(feature = "tracing")]
        if self.emit(tracing::Level::INFO, || tracing::info!(target: "signoff", "{running}")) {
            return;
        }
        output::eprint(&output::waiting(running, job.shutdown.ctrl_c_hint()), BOUND);
    }

    pub(super) fn report(&self, report: &Report) {
        if !self.reports || report.is_clean() {
            return;
        }
        #[cfg(feature = "tracing")]
        if self.emit(tracing::Level::ERROR, || tracing::error!(target: "signoff", "{report}")) {
            return;
        }
        report.eprint();
    }

    /// Returns false if the subscriber has not enabled the event.
    #[cfg(feature = "tracing")]
    fn emit(&self, level: tracing::Level, event: impl FnOnce()) -> bool {
        tracing::dispatcher::with_default(&self.subscriber, || {
            let is_enabled = if level == tracing::Level::INFO {
                tracing::enabled!(target: "signoff", tracing::Level::INFO)
            } else {
                tracing::enabled!(target: "signoff", tracing::Level::ERROR)
            };
            if is_enabled {
                event();
            }
            is_enabled
        })
    }
}
