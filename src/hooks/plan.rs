//! What is still to be run, what runs, and what became of the rest.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use super::bench::Bench;
use super::budget::{self, Share};
use super::builder::{Hooks, Stage};
use super::context::Context;
use super::hook::{Hook, Running};
use super::record::{Begun, Label, Record, Run, Task};
use super::report::{Outcome, Report};
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
    state: Mutex<State>,
}

struct State {
    stages: VecDeque<Stage>,
    /// What is left to begin of the open stage.
    stage: Stage,
    share: Share,
    /// How many hooks run.
    running: usize,
    /// One for each hook, in their order.
    records: Vec<Record>,
    /// How many hooks were taken.
    taken: usize,
    turn: usize,
    /// Since when the worker may be in a hook; `None` while it sleeps.
    busy: Option<Instant>,
}

/// A hook that is about to begin.
pub(super) struct Taken {
    pub(super) number: usize,
    pub(super) begin: Box<dyn FnOnce(Context) -> Running + Send>,
    pub(super) context: Context,
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
        let (telling, bench) = (Telling::default(), Arc::default());
        let state = Mutex::new(state);
        Arc::new(Self { start, deadline, reason, telling, bench, budget, state })
    }

    /// Tells that the hooks are about to run.
    pub(super) fn begin(&self) {
        let hooks = lock(&self.state).records.len();
        self.telling.begin(self.reason.as_ref(), self.budget, hooks);
    }

    /// Opens the next stage where the last one is over. False where there is none, or where it is
    /// another worker's turn.
    pub(super) fn has_stage(&self, turn: usize) -> bool {
        let state = &mut *lock(&self.state);
        if state.turn != turn {
            return false; // P3
        }
        if state.is_stage_over() {
            let left = state.stages.len();
            let Some(next) = state.stages.pop_front() else { return false };
            state.share = Share::of(self.deadline, Instant::now(), left);
            state.stage = next;
        }
        true
    }

    /// The waker of the worker whose turn it is. False where that is another one.
    pub(super) fn sit(&self, turn: usize, waker: Waker) -> bool {
        let mut state = lock(&self.state);
        let is_its_turn = state.is_turn_of(turn);
        let old = if is_its_turn { self.bench.sit(waker) } else { Some(waker) };
        drop(state);
        drop(old);
        is_its_turn
    }

    /// The next hook of the stage; `None` where all of them were taken.
    pub(super) fn take(&self, turn: usize) -> Option<Taken> {
        let state = &mut *lock(&self.state);
        if !state.is_turn_of(turn) {
            return None; // P3
        }
        let Hook { kind, time, begin, .. } = state.stage.pop_front()?; // P1
        let (number, since, waits) = (state.taken, Instant::now(), Arc::default());
        let limit = state.share.limit_of(time, since);
        let reason = self.reason.clone();
        let context = Context { reason, deadline: limit.at, waits: Arc::clone(&waits) };
        state.taken += 1;
        state.running += 1;
        let record = state.records.get_mut(number)?;
        if let Record::Waiting(label) = record {
            let begun = Begun { label: label.clone(), since, waits };
            *record = Record::Running(Run { begun, kind, limit, task: None, was_missed: false });
        }
        Some(Taken { number, begin, context })
    }

    /// A hook that was woken.
    pub(super) fn next_woken(&self, turn: usize) -> Option<Task> {
        let state = &mut *lock(&self.state);
        if !state.is_turn_of(turn) {
            return None; // P3
        }
        loop {
            let Some(run) = state.run(self.bench.next()?) else { continue };
            run.was_missed |= run.task.is_none();
            if let Some(task) = run.task.take() {
                return Some(task); // P2
            }
        }
    }

    /// Lays a hook down that waits; gets it back where it has ended in the meantime.
    pub(super) fn lay_down(&self, task: Task) -> Option<Task> {
        let state = &mut *lock(&self.state);
        let Some(run) = state.run(task.number) else { return Some(task) };
        if mem::take(&mut run.was_missed) {
            self.bench.add(task.number); // whoever lays it down late wakes the other worker
        }
        run.task = Some(task);
        None
    }

    /// Gives a hook up: it has ended, but for what this returns.
    pub(super) fn at_limit(&self, turn: usize, number: usize) -> Option<(Option<Task>, Outcome)> {
        let state = &mut *lock(&self.state);
        if !state.is_turn_of(turn) {
            return None; // P3
        }
        let run = state.run(number)?;
        let outcome = run.at_limit();
        Some((run.task.take(), outcome))
    }

    /// The limits of all that run.
    pub(super) fn limits(&self) -> Vec<(Instant, usize)> {
        let state = &mut *lock(&self.state);
        let runs = state.records.iter_mut().enumerate();
        runs.filter_map(|(number, record)| Some((record.run()?.limit.at?, number))).collect()
    }

    /// Nothing is left to do for now. True where that is so for good, for this stage or worker.
    pub(super) fn rest(&self, turn: usize) -> bool {
        let state = &mut *lock(&self.state);
        if state.turn != turn || state.is_stage_over() {
            return true;
        }
        state.busy = None;
        false
    }

    /// Writes down how a hook ended.
    pub(super) fn ended(&self, number: usize, outcome: Outcome) {
        let begun = lock(&self.state).run(number).map(|run| run.begun.clone());
        let Some(begun) = begun else { return };
        let mut report = begun.end(self.start, outcome);
        self.telling.hook_ended(&report);
        report.is_told = true;
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
        drop(other); // P4
    }

    pub(super) fn is_turn_of(&self, turn: usize) -> bool {
        lock(&self.state).turn == turn
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
    /// Gives the turn to the caller, where a hook has held the thread of the worker for so long.
    pub(super) fn seize(&self, late: Duration) -> Option<usize> {
        let state = &mut *lock(&self.state);
        let is_late = state.busy.is_some_and(|since| since.elapsed() >= late);
        let has_more = !state.is_stage_over() || !state.stages.is_empty();
        (is_late && has_more).then(|| state.pass_on())
    }

    /// No hook begins from here on, and none is polled.
    pub(super) fn stop(&self) {
        lock(&self.state).pass_on();
    }
}

impl State {
    /// Whoever asks is busy from now on, where it is its turn.
    fn is_turn_of(&mut self, turn: usize) -> bool {
        let is_its_turn = self.turn == turn;
        if is_its_turn {
            self.busy = Some(Instant::now());
        }
        is_its_turn
    }

    fn pass_on(&mut self) -> usize {
        self.turn += 1; // P3
        self.busy = Some(Instant::now());
        self.turn
    }

    fn run(&mut self, number: usize) -> Option<&mut Run> {
        self.records.get_mut(number)?.run()
    }

    fn is_stage_over(&self) -> bool {
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
