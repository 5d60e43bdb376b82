//! What became of a hook so far.

use std::mem;
use std::sync::Arc;
use std::time::Instant;

use super::bench::Bell;
use super::budget::Limit;
use super::hook::{Kind, Running};
use super::report::{HookReport, Outcome};
use crate::tracked_work::TrackedWork;

// Invariant
//
// R1  A record goes from waiting to running to ended. The first end stays.

pub(super) enum Record {
    Waiting(Label),
    Running(Run),
    Ended(HookReport),
}

/// Which hook it is.
#[derive(Clone)]
pub(super) struct Label {
    pub(super) name: Arc<str>,
    pub(super) stage: usize,
}

/// A hook that has begun.
pub(super) struct Run {
    pub(super) begun: Begun,
    pub(super) kind: Kind,
    pub(super) limit: Limit,
    /// `None` while a thread has it in hand.
    pub(super) task: Option<Task>,
    /// Whether the hook was woken in the meantime, and nobody could poll it.
    pub(super) was_missed: bool,
}

/// What a report says of a hook that has begun.
#[derive(Clone)]
pub(super) struct Begun {
    pub(super) label: Label,
    pub(super) since: Instant,
    pub(super) waits: Arc<TrackedWork>,
}

/// What a thread needs to poll a hook.
pub(super) struct Task {
    pub(super) number: usize,
    pub(super) future: Running,
    pub(super) bell: Arc<Bell>,
    pub(super) waits: Arc<TrackedWork>,
}

impl Record {
    pub(super) fn run(&mut self) -> Option<&mut Run> {
        if let Self::Running(run) = self { Some(run) } else { None }
    }

    pub(super) fn into_report(self, start: Instant) -> HookReport {
        match self {
            Self::Waiting(Label { name, stage }) => HookReport::not_started(name, stage),
            Self::Running(run) => run.into_report(start),
            Self::Ended(report) => report,
        }
    }
}

impl Run {
    /// What its end is at its limit.
    pub(super) fn at_limit(&self) -> Outcome {
        match self.kind {
            _ if self.task.is_none() => Outcome::Abandoned,
            Kind::Pause if self.limit.is_own => Outcome::Done,
            Kind::Pause | Kind::Future => Outcome::TimedOut,
            Kind::Thread => Outcome::Abandoned,
        }
    }

    /// It runs although the hooks are over: the process is about to end.
    fn into_report(self, start: Instant) -> HookReport {
        mem::forget(self.task); // its drop is foreign code, and may hang
        self.begun.end(start, Outcome::Abandoned)
    }
}

impl Begun {
    pub(super) fn end(self, start: Instant, outcome: Outcome) -> HookReport {
        let Label { name, stage } = self.label;
        let (started, took) = (self.since.saturating_duration_since(start), self.since.elapsed());
        HookReport::ended(name, stage, started, took, outcome, &self.waits)
    }
}
