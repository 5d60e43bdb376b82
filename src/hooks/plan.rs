//! What is still to be run, what runs, and what became of the rest.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::bench::Bench;
use super::budget::{self, Share};
use super::builder::{Hooks, Stage};
use super::hook::{Hook, caught};
use super::record::{Label, Record, Run};
use super::report::{Outcome, Report, Summary};
use super::tracing::Telling;
use crate::reason::Reason;
use crate::sync::{Mutex, lock};

// Invariants
//
// P1  A hook is taken out of `stage` under the lock and never put back: it begins once.
// P2  A hook that runs is in its record, or in the hands of one thread: never polled by two.
// P3  Only the worker whose turn it is takes hooks from here. `seize` gives the turn to another
//     one, when a hook has blocked the thread of the first; that one keeps what it has in hand,
//     and leaves when it is done with it.
// P4  No foreign code runs under the lock, and nothing of a hook is dropped there.

/// One shutdown. Shared by the threads that run the hooks and the one that watches them.
pub(super) struct Plan {
    pub(super) start: Instant,
    pub(super) deadline: Option<Instant>,
    pub(super) reason: Option<Reason>,
    pub(super) telling: Telling,
    pub(super) bench: Arc<Bench>,
    pub(super) budget: Duration,
    pub(super) state: Mutex<State>,
}

pub(super) struct State {
    pub(super) stages: VecDeque<Stage>,
    /// What is left to begin of the open stage.
    pub(super) stage: Stage,
    pub(super) share: Share,
    /// How many hooks run.
    pub(super) running: usize,
    /// One for each hook, in their order.
    pub(super) records: Vec<Record>,
    /// How many hooks were taken.
    pub(super) taken: usize,
    pub(super) turn: usize,
    /// Since when the worker may be in a hook; `None` while it sleeps.
    pub(super) busy: Option<Instant>,
}

impl Plan {
    /// The budget counts from now on.
    pub(super) fn new(hooks: Hooks, reason: Option<Reason>) -> Arc<Self> {
        let Hooks { mut stages, budget, .. } = hooks;
        let start = Instant::now();
        stages.retain(|stage| !stage.is_empty());
        let deadline = budget::deadline(start, budget);
        let state = State {
            share: Share::of(deadline, start, stages.len()),
            records: waiting(&stages),
            stages,
            stage: Stage::new(),
            running: 0,
            taken: 0,
            turn: 0,
            busy: Some(start),
        };
        let (telling, bench, state) = (Telling::default(), Arc::default(), Mutex::new(state));
        Arc::new(Self { start, deadline, reason, telling, bench, budget, state })
    }

    /// Tells that the hooks are about to run.
    pub(super) fn begin(&self) {
        let hooks = lock(&self.state).records.len();
        self.telling.begin(self.reason.as_ref(), self.budget, hooks);
    }

    /// Writes down how a hook ended.
    pub(super) fn ended(&self, number: usize, outcome: Outcome) {
        let begun = lock(&self.state).run(number).map(|run| run.begun.clone());
        let Some(begun) = begun else { return };
        let mut report = begun.end(self.start, outcome);
        self.telling.hook_ended(&report);
        report.is_traced = true;
        let mut state = lock(&self.state);
        // R1: another thread may have been here in the meantime.
        let other = match state.records.get_mut(number) {
            Some(record @ Record::Running(_)) => {
                let run = mem::replace(record, Record::Ended(report));
                state.running -= 1;
                run
            }
            _ => Record::Ended(report),
        };
        drop(state);
        // P4; a thread that comes back at this very moment may have laid the hook down.
        let _ = caught(|| drop(other));
    }

    /// What became of everything. To be asked for once, at the end. Tells nobody.
    pub(super) fn report(&self) -> Report {
        let records = mem::take(&mut lock(&self.state).records);
        let hooks = records.into_iter().map(|record| record.into_report(self.start)).collect();
        let (took, budget) = (self.start.elapsed(), self.budget);
        let (before, failed, reason) = (Duration::ZERO, false, self.reason.clone());
        Report::new(hooks, Summary { budget, before, took, reason, failed })
    }
}

/// For the thread that watches.
#[allow(dead_code, reason = "only `exit_on` has one")]
impl Plan {
    /// Whether a hook has held the thread of the worker for so long, and there is more to do.
    pub(super) fn is_stuck(&self, late: Duration) -> bool {
        lock(&self.state).is_stuck(late)
    }

    /// Gives the turn to the caller, where that is so.
    pub(super) fn seize(&self, late: Duration) -> Option<usize> {
        let state = &mut *lock(&self.state);
        state.is_stuck(late).then(|| state.pass_on())
    }

    /// No hook begins from here on, and none is polled.
    pub(super) fn stop(&self) {
        lock(&self.state).pass_on();
    }
}

impl State {
    /// Whoever asks is busy from now on, where it is its turn.
    pub(super) fn is_turn_of(&mut self, turn: usize) -> bool {
        let is_its_turn = self.turn == turn;
        if is_its_turn {
            self.busy = Some(Instant::now());
        }
        is_its_turn
    }

    fn is_stuck(&self, late: Duration) -> bool {
        let is_late = self.busy.is_some_and(|since| since.elapsed() >= late);
        is_late && !(self.is_stage_over() && self.stages.is_empty())
    }

    fn pass_on(&mut self) -> usize {
        self.turn += 1; // P3
        self.busy = Some(Instant::now());
        self.turn
    }

    pub(super) fn run(&mut self, number: usize) -> Option<&mut Run> {
        self.records.get_mut(number)?.run()
    }

    pub(super) fn is_stage_over(&self) -> bool {
        self.running == 0 && self.stage.is_empty()
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
