//! What a worker gets from the plan, and lays down there. See its invariants.

use std::mem;
use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use super::budget::Share;
use super::context::HookContext;
use super::hook::{Hook, Running};
use super::plan::Plan;
use super::record::{Begun, Record, Run, Task};
use super::report::Outcome;
use crate::sync::lock;

/// A hook that is about to begin.
pub(super) struct Taken {
    pub(super) number: usize,
    pub(super) begin: Box<dyn FnOnce(HookContext) -> Running + Send>,
    pub(super) context: HookContext,
}

impl Plan {
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
        let context = HookContext { reason, deadline: limit.at, waits: Arc::clone(&waits) };
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

    pub(super) fn is_turn_of(&self, turn: usize) -> bool {
        lock(&self.state).turn == turn
    }
}
