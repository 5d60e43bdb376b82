//! What is still to be run, and what became of the rest.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::budget::{self, Share};
use super::builder::{Hooks, Stage};
use super::context::Waits;
use super::hook::Hook;
use super::report::{HookReport, Outcome, Report};
use super::tracing::Telling;
use crate::reason::Reason;
use crate::sync::{Mutex, lock};

// Invariants
//
// P1  A hook is taken out of `stages` under the lock and never put back: it runs once.
// P2  A record goes from waiting to running to ended. The first end stays.
// P3  Only the run whose turn it is takes hooks. `seize` gives the turn to another one, when a
//     hook has blocked the thread of the first.
// P4  No foreign code runs under the lock, and nothing of a hook is dropped there.

/// One shutdown. Shared by the thread that runs the hooks and the one that watches it.
pub(super) struct Plan {
    pub(super) start: Instant,
    pub(super) deadline: Option<Instant>,
    pub(super) reason: Option<Reason>,
    pub(super) telling: Telling,
    budget: Duration,
    state: Mutex<State>,
}

struct State {
    stages: VecDeque<Stage>,
    /// One for each hook, in the order of `stages`.
    records: Vec<Record>,
    /// How many hooks were taken.
    taken: usize,
    turn: usize,
    /// When the last hook of the stage is to be given up.
    limit: Option<Instant>,
}

/// What became of a hook so far.
enum Record {
    Waiting(Label),
    Running(Run),
    Ended(HookReport),
}

/// Which hook it is.
#[derive(Clone)]
struct Label {
    name: Arc<str>,
    stage: usize,
}

/// A hook that has begun.
#[derive(Clone)]
struct Run {
    label: Label,
    since: Instant,
    waits: Arc<Waits>,
}

/// A hook on its way, and the number of its record.
pub(super) struct Taken {
    pub(super) number: usize,
    pub(super) hook: Hook,
}

impl Plan {
    /// The budget counts from now on.
    pub(super) fn new(hooks: Hooks, reason: Option<Reason>) -> Arc<Self> {
        let start = Instant::now();
        let mut stages = hooks.stages;
        stages.retain(|stage| !stage.is_empty());
        let records = waiting(&stages);
        let deadline = budget::deadline(start, hooks.budget);
        let limit = Share::of(deadline, start, stages.len()).limit;
        Arc::new(Self {
            start,
            deadline,
            reason,
            telling: Telling::default(),
            budget: hooks.budget,
            state: Mutex::new(State { stages, records, taken: 0, turn: 0, limit }),
        })
    }

    /// Tells that the hooks are about to run.
    pub(super) fn begin(&self) {
        let hooks = lock(&self.state).records.len();
        self.telling.begin(self.reason.as_ref(), self.budget, hooks);
    }

    /// The time of the next stage; `None` where there is none, or where it is another run's turn.
    pub(super) fn next_stage(&self, turn: usize) -> Option<Share> {
        let state = &mut *lock(&self.state);
        if state.turn != turn {
            return None; // P3
        }
        while state.stages.front().is_some_and(Stage::is_empty) {
            state.stages.pop_front();
        }
        let now = Instant::now();
        let share = Share::of(self.deadline, now, state.stages.len());
        let ends = state.stages.front()?.iter().map(|hook| share.limit_of(hook.time, now).at);
        state.limit = ends.collect::<Option<Vec<_>>>().and_then(|ends| ends.into_iter().max());
        Some(share)
    }

    /// The next hook of the stage; `None` where all of them were taken.
    pub(super) fn take(&self, turn: usize, waits: &Arc<Waits>) -> Option<Taken> {
        let state = &mut *lock(&self.state);
        if state.turn != turn {
            return None; // P3
        }
        let hook = state.stages.front_mut()?.pop_front()?; // P1
        let number = state.taken;
        state.taken += 1;
        if let Some(record) = state.records.get_mut(number) {
            record.begin(waits);
        }
        Some(Taken { number, hook })
    }

    /// Writes down how a hook ended.
    pub(super) fn ended(&self, number: usize, outcome: Outcome) {
        let Some(run) = self.running(number) else { return };
        let mut report = run.end(self.start, outcome);
        self.telling.hook_ended(&report);
        report.is_told = true;
        self.write(number, report);
    }

    fn write(&self, number: usize, report: HookReport) {
        let mut state = lock(&self.state);
        // P2: another thread may have been here in the meantime.
        let refused = match state.records.get_mut(number) {
            Some(record @ Record::Running(_)) => mem::replace(record, Record::Ended(report)),
            _ => Record::Ended(report),
        };
        drop(state);
        drop(refused); // P4
    }

    fn running(&self, number: usize) -> Option<Run> {
        match lock(&self.state).records.get(number)? {
            Record::Running(run) => Some(run.clone()),
            _ => None,
        }
    }

    /// What became of everything. To be asked for once, at the end. Tells nobody.
    pub(super) fn report(&self) -> Report {
        let records = mem::take(&mut lock(&self.state).records);
        let hooks = records.into_iter().map(|record| record.into_report(self.start)).collect();
        let (took, budget) = (self.start.elapsed(), self.budget);
        Report { hooks, took, budget, reason: self.reason.clone() }
    }
}

/// For the thread that watches.
#[allow(dead_code, reason = "only `exit_on` has one")]
impl Plan {
    /// When the stage that is open should be over.
    pub(super) fn limit(&self) -> Option<Instant> {
        lock(&self.state).limit
    }

    pub(super) fn is_turn_of(&self, turn: usize) -> bool {
        lock(&self.state).turn == turn
    }

    /// Whether a hook runs or waits.
    pub(super) fn is_under_way(&self) -> bool {
        lock(&self.state).records.iter().any(|record| !matches!(record, Record::Ended(_)))
    }

    /// Leaves the hooks behind that run, and gives the turn to the caller. Tells nobody.
    pub(super) fn seize(&self) -> usize {
        let (turn, running) = {
            let state = &mut *lock(&self.state);
            state.turn += 1; // P3
            let running = state.records.iter().enumerate().filter_map(|(number, record)| {
                if let Record::Running(run) = record { Some((number, run.clone())) } else { None }
            });
            (state.turn, running.collect::<Vec<_>>())
        };
        for (number, run) in running {
            self.write(number, run.end(self.start, Outcome::Abandoned));
        }
        turn
    }
}

fn waiting(stages: &VecDeque<Stage>) -> Vec<Record> {
    let numbered = stages.iter().enumerate();
    let of_stage = |(stage, hooks): (usize, &Stage)| {
        let label = move |hook: &Hook| Label { name: hook.name.as_str().into(), stage };
        hooks.iter().map(label).map(Record::Waiting).collect::<Vec<_>>()
    };
    numbered.flat_map(of_stage).collect()
}

impl Record {
    fn begin(&mut self, waits: &Arc<Waits>) {
        if let Self::Waiting(label) = self {
            let (label, waits) = (label.clone(), Arc::clone(waits));
            *self = Self::Running(Run { label, since: Instant::now(), waits });
        }
    }

    fn into_report(self, start: Instant) -> HookReport {
        match self {
            Self::Waiting(label) => label.report(Outcome::NotStarted, Duration::ZERO),
            Self::Running(run) => run.end(start, Outcome::Abandoned),
            Self::Ended(report) => report,
        }
    }
}

impl Label {
    fn report(self, outcome: Outcome, started: Duration) -> HookReport {
        let Self { name, stage } = self;
        let (took, still_open) = (Duration::ZERO, Vec::new());
        HookReport { name, stage, outcome, started, took, still_open, is_told: false }
    }
}

impl Run {
    fn end(self, start: Instant, outcome: Outcome) -> HookReport {
        let started = self.since.saturating_duration_since(start);
        let is_at_limit = matches!(outcome, Outcome::TimedOut | Outcome::Abandoned);
        let mut report = self.label.report(outcome, started);
        report.took = self.since.elapsed();
        if is_at_limit {
            report.still_open = self.waits.open();
        }
        report
    }
}
