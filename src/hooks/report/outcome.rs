//! What happened to one hook: how it ended, when, and what it still waited for.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, iter};

use crate::hooks::hook::HookId;
use crate::in_flight::InFlightEntry;
use crate::in_flight::tracked_work::TrackedWork;

/// What happened to one hook.
#[derive(Debug, Clone)]
pub struct HookReport {
    id: HookId,
    outcome: Outcome,
    started: Duration,
    took: Duration,
    in_flight: Vec<InFlightEntry>,
}

impl HookReport {
    /// Makes the report of a hook that never started.
    pub(in crate::hooks) fn not_started(id: HookId) -> Self {
        let (started, took) = (Duration::ZERO, Duration::ZERO);
        let (outcome, in_flight) = (Outcome::NotStarted, Vec::new());
        Self { id, outcome, started, took, in_flight }
    }

    /// Makes the report of a hook that started, at a time counted from the shutdown request.
    ///
    /// `work` is the in-flight work that the hook waited for.
    pub(in crate::hooks) fn ended(
        id: HookId,
        started: Duration,
        took: Duration,
        outcome: Outcome,
        work: &TrackedWork,
    ) -> Self {
        let outcome = fail_if_panicked(outcome, work);
        let in_flight = if outcome.is_late() { work.entries() } else { Vec::new() };
        Self { outcome, started, took, in_flight, ..Self::not_started(id) }
    }

    /// Returns the hook's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.id.name
    }

    /// Returns the number of the hook's stage. The first stage is 1.
    #[must_use]
    pub fn stage(&self) -> usize {
        self.id.stage
    }

    /// Returns whether both hooks are of one set.
    pub(super) fn is_of_same_set(&self, other: &Self) -> bool {
        let place = |hook: &Self| (hook.id.stage, hook.id.set);
        self.id.set.is_some() && place(self) == place(other)
    }

    pub(super) fn has_started(&self) -> bool {
        !matches!(self.outcome, Outcome::NotStarted)
    }

    /// Returns how the hook ended.
    #[must_use]
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// Returns when the hook started, counted from the shutdown request.
    #[must_use]
    pub fn started(&self) -> Duration {
        self.started
    }

    /// Returns how long the hook ran.
    #[must_use]
    pub fn took(&self) -> Duration {
        self.took
    }

    /// Returns the [in-flight work](crate::InFlight) that the hook still waited for at its
    /// deadline, the oldest first.
    #[must_use]
    pub fn in_flight(&self) -> &[InFlightEntry] {
        &self.in_flight
    }
}

/// A hook that waited for a task is not done if the task panicked.
fn fail_if_panicked(outcome: Outcome, work: &TrackedWork) -> Outcome {
    match (outcome, work.panicked()) {
        (Outcome::Done, Some(panicked)) => Outcome::Failed(Arc::new(panicked)),
        (outcome, _) => outcome,
    }
}

/// How a hook ended.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Outcome {
    /// The hook returned without an error.
    Done,
    /// The hook returned this error, or [tracked work](crate::InFlight::track) that it waited for
    /// panicked.
    Failed(Arc<dyn Error + Send + Sync>),
    /// The hook panicked with this message. A panic while its captured values were dropped counts.
    Panicked(String),
    /// The deadline passed, and the hook's future was dropped.
    TimedOut,
    /// The deadline passed, and the hook still blocks its thread, or the program's own future has not
    /// returned. It runs until the process exits, and keeps what it owns.
    Abandoned,
    /// The hook never started: no time was left.
    NotStarted,
}

impl Outcome {
    pub(in crate::hooks) fn failed(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Failed(error.into().into())
    }

    /// Returns whether the hook returned without an error.
    #[must_use]
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }

    /// Returns whether the deadline ended the hook after it had started.
    pub(super) fn is_late(&self) -> bool {
        matches!(self, Self::TimedOut | Self::Abandoned)
    }

    /// Returns the outcome in one or two words, as the timeline shows it.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed(_) => "failed",
            Self::Panicked(_) => "panicked",
            Self::TimedOut => "timed out",
            Self::Abandoned => "abandoned",
            Self::NotStarted => "not started",
        }
    }

    /// Returns this outcome of a hook as a sentence: `main failed: no port`.
    pub(in crate::hooks) fn sentence(&self, name: &str) -> String {
        format!("{name} {self}")
    }

    /// Returns the error with its causes, or the panic message.
    pub(crate) fn detail(&self) -> Option<String> {
        match self {
            Self::Failed(error) => Some(with_causes(&**error)),
            Self::Panicked(message) => Some(message.clone()),
            _ => None,
        }
    }
}

/// Joins an error and its causes on one line.
fn with_causes(error: &(dyn Error + 'static)) -> String {
    let causes = iter::successors(error.source(), |&cause| cause.source());
    causes.map(ToString::to_string).fold(error.to_string(), |line, cause| {
        // Many errors print their cause themselves.
        if line.ends_with(&cause) { line } else { format!("{line}: {cause}") }
    })
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.detail() {
            Some(detail) => write!(f, "{}: {detail}", self.label()),
            None => f.write_str(self.label()),
        }
    }
}

/// The text of an error and of its causes.
#[derive(Debug)]
pub(in crate::hooks) struct ErrorText {
    text: String,
    cause: Option<Box<Self>>,
}

impl ErrorText {
    pub(in crate::hooks) fn of(error: &(dyn Error + 'static)) -> Self {
        let cause = error.source().map(|cause| Box::new(Self::of(cause)));
        Self { text: error.to_string(), cause }
    }
}

impl fmt::Display for ErrorText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for ErrorText {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}
