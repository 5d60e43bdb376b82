//! What became of one hook so far.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::event;
use super::hook_id::HookId;
use super::report::{HookReport, Outcome};
use crate::in_flight::tracked_work::TrackedWork;

#[derive(Clone)]
pub(super) enum HookState {
    Pending(HookId),
    Running(StartedHook),
    Finished(HookReport),
}

/// A hook that has started.
#[derive(Clone)]
pub(super) struct StartedHook {
    pub(super) id: HookId,
    pub(super) started: Instant,
    pub(super) deadline: Option<Instant>,
    pub(super) tracked: Arc<TrackedWork>,
    /// How long the thread that runs the hook may take to drop it, after the deadline.
    pub(super) patience: Option<Duration>,
}

impl HookState {
    pub(super) fn is_finished(&self) -> bool {
        matches!(self, Self::Finished(_))
    }

    pub(super) fn into_report(self, start: Instant, outcome: Outcome) -> HookReport {
        match self {
            Self::Pending(id) => HookReport::not_started(id),
            Self::Running(running) => running.into_report(start, outcome),
            Self::Finished(report) => report,
        }
    }
}

impl StartedHook {
    /// What observers hear of it.
    pub(super) fn snapshot(&self) -> event::RunningHook {
        event::RunningHook {
            id: self.id.clone(),
            started: self.started,
            running_for: self.started.elapsed(),
            deadline: self.deadline,
            in_flight: self.tracked.entries(),
        }
    }

    pub(super) fn into_report(self, start: Instant, outcome: Outcome) -> HookReport {
        let started = self.started.saturating_duration_since(start);
        HookReport::ended(self.id, started, self.started.elapsed(), outcome, &self.tracked)
    }
}
