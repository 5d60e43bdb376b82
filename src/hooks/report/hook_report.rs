//! What happened to one hook.

use std::sync::Arc;
use std::time::Duration;

use super::Outcome;
use crate::hooks::hook_id::HookId;
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

    /// Returns the number of the hook's stage, from 0.
    #[must_use]
    pub fn stage(&self) -> usize {
        self.id.stage
    }

    /// Returns whether both hooks are of one set.
    pub(super) fn is_of_same_set(&self, other: &Self) -> bool {
        let place = |hook: &Self| (hook.id.stage, hook.id.set);
        self.id.set.is_some() && place(self) == place(other)
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
