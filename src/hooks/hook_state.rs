//! What became of one hook so far.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::builder::{Hooks, Stage};
use super::event;
use super::hook::Hook;
use super::report::{HookReport, Outcome};
use crate::tracked_work::TrackedWork;

pub(super) enum HookState {
    Pending(HookId),
    Running(RunningHook),
    Finished(HookReport),
}

/// Which hook it is.
#[derive(Clone)]
pub(super) struct HookId {
    pub(super) name: Arc<str>,
    pub(super) stage: usize,
}

/// A hook that has started.
#[derive(Clone)]
pub(super) struct RunningHook {
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

    pub(super) fn into_report(self, start: Instant) -> HookReport {
        match self {
            Self::Pending(HookId { name, stage }) => HookReport::not_started(name, stage),
            Self::Running(running) => running.finish(start, Outcome::Abandoned),
            Self::Finished(report) => report,
        }
    }
}

impl RunningHook {
    /// What observers hear of it.
    pub(super) fn snapshot(&self) -> event::RunningHook {
        event::RunningHook {
            name: Arc::clone(&self.id.name),
            stage: self.id.stage,
            started: self.started,
            running_for: self.started.elapsed(),
            deadline: self.deadline,
            in_flight: self.tracked.entries(),
        }
    }

    pub(super) fn finish(self, start: Instant, outcome: Outcome) -> HookReport {
        let HookId { name, stage } = self.id;
        let started = self.started.saturating_duration_since(start);
        HookReport::ended(name, stage, started, self.started.elapsed(), outcome, &self.tracked)
    }
}

/// The hooks of all stages, in their order. Empty stages do not count.
pub(super) fn pending(hooks: &Hooks) -> Vec<HookState> {
    let stages = hooks.stages.iter().filter(|hooks| !hooks.is_empty()).enumerate();
    let of_stage = |(stage, hooks): (usize, &Stage)| {
        let id = move |hook: &Hook| HookId { name: hook.name.as_str().into(), stage };
        hooks.iter().map(id).map(HookState::Pending).collect::<Vec<_>>()
    };
    stages.flat_map(of_stage).collect()
}
