//! Runs the hooks: stage after stage, the hooks of a stage side by side in one future.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{self, Poll};
use std::time::Instant;

use super::bench::Bell;
use super::clock::Clock;
use super::desk::Taken;
use super::hook::caught;
use super::plan::Plan;
use super::record::Task;
use super::report::Outcome;
use crate::tracked_work::in_hook;

// Invariants
//
// S1  A hook's future is dropped before the hook has ended, unless a thread is stuck in it: before
//     the next stage begins what the hook owned is free.
// S2  Foreign code (hooks, their futures, the drops of those) runs under `caught`.

/// Runs what is planned, for as long as it is this one's turn.
pub(super) async fn run(plan: Arc<Plan>, turn: usize) {
    if turn == 0 {
        plan.begin();
    }
    let limits = plan.limits().into_iter().map(Reverse).collect();
    let mut worker = Worker { plan: &plan, turn, limits, clock: Clock::default() };
    while plan.has_stage(turn) {
        poll_fn(|cx| worker.poll(cx)).await;
    }
    if !plan.is_turn_of(turn) {
        plan.bench.wake_executor(); // whose turn it is looks at what this one has left
    }
}

struct Worker<'a> {
    plan: &'a Plan,
    turn: usize,
    /// Of all hooks that run, and of some that do not any more.
    limits: BinaryHeap<Reverse<(Instant, usize)>>,
    clock: Clock,
}

impl Worker<'_> {
    /// Every hook is begun and polled once, also when no time is left.
    fn poll(&mut self, cx: &mut task::Context<'_>) -> Poll<()> {
        // B1: first
        if !self.plan.sit(self.turn, cx.waker().clone()) {
            return Poll::Ready(());
        }
        while let Some(taken) = self.plan.take(self.turn) {
            self.begin(taken);
        }
        for _ in 0..self.plan.bench.len() {
            let Some(task) = self.plan.next_woken(self.turn) else { break };
            self.poll_hook(task);
        }
        self.give_up(Instant::now());
        if self.plan.rest(self.turn) {
            return Poll::Ready(());
        }
        if let Some(&Reverse((limit, _))) = self.limits.peek() {
            self.clock.wake_at(limit, cx.waker());
        }
        Poll::Pending
    }

    fn begin(&mut self, Taken { number, begin, context }: Taken) {
        self.limits.extend(context.deadline.map(|at| Reverse((at, number))));
        let waits = Arc::clone(&context.waits);
        let _span = self.plan.telling.enter();
        let future = in_hook(&waits, || caught(|| begin(context)));
        match future {
            Ok(future) => {
                let bell = Bell::new(number, &self.plan.bench);
                self.poll_hook(Task { number, future, bell, waits });
            }
            Err(panic) => self.plan.ended(number, panic),
        }
    }

    fn poll_hook(&self, mut task: Task) {
        let _span = self.plan.telling.enter();
        let waker = task.bell.answer();
        let mut cx = task::Context::from_waker(&waker);
        let future = task.future.as_mut();
        let polled = in_hook(&task.waits, || caught(|| future.poll(&mut cx)));
        match polled {
            Ok(Poll::Pending) => {
                if let Some(task) = self.plan.lay_down(task) {
                    self.end(task, Outcome::Abandoned);
                }
            }
            Ok(Poll::Ready(outcome)) | Err(outcome) => self.end(task, outcome),
        }
    }

    /// Gives up whose limit is over.
    fn give_up(&mut self, now: Instant) {
        while let Some(&Reverse((limit, number))) = self.limits.peek() {
            if limit > now {
                return;
            }
            self.limits.pop();
            self.end_at_limit(number);
        }
    }

    fn end_at_limit(&self, number: usize) {
        match self.plan.at_limit(self.turn, number) {
            Some((Some(task), outcome)) => self.end(task, outcome),
            Some((None, outcome)) => self.plan.ended(number, outcome),
            None => {} // it has ended before
        }
    }

    fn end(&self, task: Task, outcome: Outcome) {
        let Task { number, future, waits, .. } = task;
        let _span = self.plan.telling.enter();
        let dropped = in_hook(&waits, || caught(|| drop(future))); // S1, S2
        self.plan.ended(number, dropped.map_or_else(|panic| panic, |()| outcome));
    }
}
