//! The report of a shutdown: what it holds, and how it is printed.

#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod outcome;
mod timeline;
#[cfg(test)]
#[path = "../../../tests/models/timeline.rs"]
mod timeline_tests;

use std::process::{ExitCode, Termination};
use std::sync::Arc;
use std::time::Duration;

use crate::util::text::Style;
pub(in crate::hooks) use outcome::ErrorText;
pub use outcome::{HookReport, Outcome};
use timeline::Timeline;

use super::engine::BOUND;
use crate::signal::reason::Reason;
use crate::util::output;

/// What happened during a shutdown: how and when each hook ended, and what remained in flight.
///
/// `Display` is a timeline with one row per hook, on the scale of the budget:
///
/// ```text
/// 2 of 4 hooks done in 8.0 s of 10.0 s, requested by SIGTERM from pid 4242 (uid 0)
/// 1  keep serving  |=====                       |  done           2.0 s
/// 2  requests      |     ================       |  timed out      6.0 s
///                  | in flight: GET /report (7.9 s)
/// 3  queue         |                      .     |  failed          3 ms
///                  | connection refused
///    cache         |                      .     |  done           12 ms
/// ```
///
/// A [set](crate::HookSet) of more than 20 hooks has one row, which counts the hooks that are
/// done and names the first of the others.
///
/// A dot is a hook that took less time than the bar can show. If the hooks started a millisecond or
/// more after the request, the row `before hooks` shows [that time](Self::before_hooks). A terminal
/// gets colors and half columns, unless `NO_COLOR`, `TERM=dumb` or a locale without UTF-8 forbids
/// them.
///
/// Return it from `main` to print it on standard error and to set the exit status: 0 if
/// [`is_clean`](Self::is_clean), else 1. To set the status without printing, return
/// [`exit_code`](Self::exit_code).
#[derive(Debug, Clone)]
#[must_use = "the report says which hooks failed"]
pub struct Report {
    hooks: Vec<HookReport>,
    summary: Summary,
}

/// What a report says about the shutdown as a whole.
#[derive(Debug, Clone, Default)]
pub(in crate::hooks) struct Summary {
    pub(in crate::hooks) budget: Duration,
    /// From the shutdown request to the start of the hooks.
    pub(in crate::hooks) before: Duration,
    /// From the shutdown request to the end of the last hook.
    pub(in crate::hooks) took: Duration,
    pub(in crate::hooks) reason: Option<Reason>,
    /// Why the shutdown is a failure even if all hooks are done.
    pub(in crate::hooks) failure: Option<Arc<str>>,
}

impl Report {
    pub(in crate::hooks) fn new(hooks: Vec<HookReport>, summary: Summary) -> Self {
        Self { hooks, summary }
    }

    /// Returns whether every hook is done and [`is_failure`](Self::is_failure) is false.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        !self.is_failure() && self.hooks.iter().all(|hook| hook.outcome().is_done())
    }

    /// Returns what happened to each hook, in the order in which the hooks were added.
    #[must_use]
    pub fn hooks(&self) -> &[HookReport] {
        &self.hooks
    }

    /// Returns the time from the shutdown request to the end of the last hook.
    #[must_use]
    pub fn took(&self) -> Duration {
        self.summary.took
    }

    /// Returns the time from the shutdown request to the start of the hooks.
    #[must_use]
    pub fn before_hooks(&self) -> Duration {
        self.summary.before
    }

    /// Returns the budget that all hooks shared.
    #[must_use]
    pub fn budget(&self) -> Duration {
        self.summary.budget
    }

    /// Returns the reason for the shutdown, or `None` if the hooks were [`run`](crate::Hooks::run)
    /// without a signal.
    #[must_use]
    pub fn reason(&self) -> Option<&Reason> {
        self.summary.reason.as_ref()
    }

    /// Returns whether the program called [`fail`](crate::ShutdownSignal::fail), or has failed itself.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        self.failure().is_some()
    }

    /// Returns the message of the first call of [`fail`](crate::ShutdownSignal::fail), or `main failed: …`.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        self.summary.failure.as_deref()
    }

    /// Returns the exit status: success if [`is_clean`](Self::is_clean), else failure.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.status())
    }

    pub(in crate::hooks) fn status(&self) -> u8 {
        u8::from(!self.is_clean())
    }

    /// Prints the timeline on standard error.
    ///
    /// Unlike `eprintln!`, this does not panic if standard error is closed. It blocks for at most
    /// half a second, for example if standard error is a pipe that is full. A background job that
    /// must not write to its terminal (`stty tostop`) is not stopped.
    ///
    /// ```
    /// let report = signoff::Hooks::new().hook("cache", async || {}).run_blocking();
    /// report.eprint();
    /// ```
    pub fn eprint(&self) {
        let timeline = Timeline::new(self, Style::of_stderr()).to_string();
        output::eprint(&timeline, BOUND);
    }

    /// Prints the timeline on standard error, as [`eprint`](Self::eprint) does, if the report is
    /// not [clean](Self::is_clean).
    ///
    /// ```
    /// use signoff::Hooks;
    ///
    /// let report = Hooks::new().hook("cache", async || Err::<(), _>("refused")).run_blocking();
    /// report.eprint_if_failed(); // 0 of 1 hooks done in …
    ///
    /// let report = Hooks::new().hook("cache", async || {}).run_blocking();
    /// report.eprint_if_failed(); // prints nothing
    /// ```
    pub fn eprint_if_failed(&self) {
        if !self.is_clean() {
            self.eprint();
        }
    }
}

/// Prints the report and returns [`exit_code`](Report::exit_code).
impl Termination for Report {
    fn report(self) -> ExitCode {
        self.eprint();
        self.exit_code()
    }
}
