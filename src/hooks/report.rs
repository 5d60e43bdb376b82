//! What became of the hooks.

use std::error::Error;
use std::process::{ExitCode, Termination};
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, iter};

use super::last_words;
use crate::in_flight::InFlightEntry;
use crate::reason::Reason;

/// What became of the hooks: how each ended, when, and what was still open.
///
/// Its `Display` is a timeline, with a line for each hook and a bar on the scale of the budget:
///
/// ```text
/// 2 of 4 hooks done in 5.18 s of 10.0 s, asked by SIGTERM from pid 4242 (uid 0)
/// 1  keep serving  |==============              |  done          5.00 s
/// 2  requests      |              =             |  timed out     167 ms
///                  | still open: GET /report (5.10 s)
/// 3  queue         |              =             |  failed          3 ms
///                  | connection refused
///    cache         |              =             |  done           12 ms
/// ```
///
/// Returned from `main`, it prints that on standard error and becomes the exit status: 0 where
/// [`is_clean`](Self::is_clean), 1 where not. A standard error that is closed, or that nobody
/// reads, does no harm. For an end without words, return [`exit_code`](Self::exit_code) instead.
#[derive(Debug)]
#[must_use = "a report tells which hooks failed"]
pub struct Report {
    pub(super) hooks: Vec<HookReport>,
    pub(super) took: Duration,
    pub(super) budget: Duration,
    pub(super) reason: Option<Reason>,
}

/// What became of one hook.
#[derive(Debug)]
pub struct HookReport {
    pub(super) name: Arc<str>,
    pub(super) stage: usize,
    pub(super) outcome: Outcome,
    pub(super) started: Duration,
    pub(super) took: Duration,
    pub(super) still_open: Vec<InFlightEntry>,
    /// Whether a `tracing` subscriber knows.
    #[allow(dead_code, reason = "without the feature `tracing` there is none")]
    pub(super) is_told: bool,
}

/// How a hook ended.
#[derive(Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// It came to its end, without an error.
    Done,
    /// It returned this error.
    Failed(Box<dyn Error + Send + Sync>),
    /// It panicked with this message, be it while what it owned was dropped.
    Panicked(String),
    /// Its time was over, and its future was dropped.
    TimedOut,
    /// Its time was over, and it was left behind on the thread that it blocks.
    Abandoned,
    /// It never began: the time was over, while other hooks blocked every thread that there was.
    NotStarted,
}

impl Report {
    /// Whether every hook is done.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.hooks.iter().all(|hook| hook.outcome.is_done())
    }

    /// What became of each hook, in the order in which they were added.
    #[must_use]
    pub fn hooks(&self) -> &[HookReport] {
        &self.hooks
    }

    /// From the beginning of the first hook to the end of the last one.
    #[must_use]
    pub fn took(&self) -> Duration {
        self.took
    }

    /// What all hooks had together.
    #[must_use]
    pub fn budget(&self) -> Duration {
        self.budget
    }

    /// Why the process ends; `None` where the hooks were [`run`](crate::Hooks::run) without a
    /// signal.
    #[must_use]
    pub fn reason(&self) -> Option<&Reason> {
        self.reason.as_ref()
    }

    /// The exit status: success where [`is_clean`](Self::is_clean), failure where not.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.status())
    }

    pub(super) fn status(&self) -> u8 {
        u8::from(!self.is_clean())
    }

    /// Prints the timeline on standard error, and waits half a second for that at the most.
    ///
    /// Unlike `eprintln!` it does not panic where standard error is closed, and does not hang
    /// where nobody reads it.
    pub fn eprint(&self) {
        last_words::eprint(&self.to_string());
    }
}

impl Termination for Report {
    fn report(self) -> ExitCode {
        self.eprint();
        self.exit_code()
    }
}

impl HookReport {
    /// The name that it was given.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The number of its stage, from 0.
    #[must_use]
    pub fn stage(&self) -> usize {
        self.stage
    }

    /// How it ended.
    #[must_use]
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// When it began, from the beginning of the shutdown.
    #[must_use]
    pub fn started(&self) -> Duration {
        self.started
    }

    /// How long it ran.
    #[must_use]
    pub fn took(&self) -> Duration {
        self.took
    }

    /// The work that it still waited for when its time was over, the oldest first: what was
    /// [in flight](crate::InFlight).
    #[must_use]
    pub fn in_flight(&self) -> &[InFlightEntry] {
        &self.still_open
    }
}

impl Outcome {
    /// Whether the hook came to its end without an error.
    #[must_use]
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }

    /// The outcome in a word or two, as the timeline has it.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed(_) => "failed",
            Self::Panicked(_) => "panicked",
            Self::TimedOut => "timed out",
            Self::Abandoned => "left behind",
            Self::NotStarted => "not started",
        }
    }

    /// What there is to say beyond that.
    pub(super) fn detail(&self) -> Option<String> {
        match self {
            Self::Failed(error) => Some(with_sources(&**error)),
            Self::Panicked(message) => Some(message.clone()),
            _ => None,
        }
    }
}

/// An error and what it was caused by, in one line.
fn with_sources(error: &(dyn Error + 'static)) -> String {
    let causes = iter::successors(Some(error), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.detail() {
            Some(detail) => write!(f, "{}: {detail}", self.label()),
            None => f.write_str(self.label()),
        }
    }
}
