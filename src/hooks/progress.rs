//! What became of each hook so far.

use std::collections::BTreeSet;
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::budget;
use super::builder::Hooks;
use super::hook_state::{HookState, RunningHook, pending};
use super::report::{HookReport, Outcome, Report, Summary};
use crate::observers::tracing::ShutdownSpan;
use crate::reason::Reason;
use crate::shutdown_signal::ShutdownSignal;
use crate::sync::{Mutex, lock};
use crate::tracked_work::TrackedWork;

// Invariants
//
// P1  A hook goes from pending to running to finished. The first outcome stays.
// P2  After `close`, no hook starts and no outcome changes.
// P3  No code of the program runs under the lock, and nothing of a hook is dropped there.

/// Why and when the shutdown was requested.
pub(super) struct Request {
    pub(super) reason: Option<Reason>,
    pub(super) at: Instant,
    shutdown: Option<ShutdownSignal>,
}

impl Request {
    pub(super) fn now() -> Self {
        Self { reason: None, at: Instant::now(), shutdown: None }
    }

    pub(super) fn of(shutdown: &ShutdownSignal) -> Self {
        let at = shutdown.requested_at().unwrap_or_else(Instant::now);
        Self { reason: shutdown.reason(), at, shutdown: Some(shutdown.clone()) }
    }

    /// Returns whether the exit status is a failure even if all hooks are done.
    fn is_failure(&self) -> bool {
        self.shutdown.as_ref().is_some_and(ShutdownSignal::is_failure)
    }
}

/// One shutdown. Every thread that takes part in it has this.
pub(super) struct Progress {
    pub(super) request: Request,
    pub(super) budget: Duration,
    pub(super) deadline: Option<Instant>,
    pub(super) span: ShutdownSpan,
    /// From the request to the first stage.
    before: Duration,
    state: Mutex<State>,
}

struct State {
    /// In the order in which they were added.
    hooks: Vec<HookState>,
    /// When the driver looks at which hook, which may have finished by then.
    deadlines: BTreeSet<(Instant, usize)>,
    /// How many hooks of the open stage have not finished.
    unfinished: usize,
    /// How often a hook started or finished.
    steps: usize,
    is_closed: bool,
}

/// In place of a hook's number, if a deadline is that of a stage.
const NO_HOOK: usize = usize::MAX;

impl Progress {
    /// The budget counts from the request.
    pub(super) fn new(hooks: &Hooks, request: Request) -> Arc<Self> {
        let state = State {
            hooks: pending(hooks),
            deadlines: BTreeSet::new(),
            unfinished: 0,
            steps: 0,
            is_closed: false,
        };
        Arc::new(Self {
            deadline: request.at.checked_add(hooks.budget), // none if no clock reaches it
            before: request.at.elapsed(),
            request,
            budget: hooks.budget,
            span: ShutdownSpan::default(),
            state: Mutex::new(state),
        })
    }

    /// How long a thread may take after a hook's deadline to drop the hook.
    pub(super) fn patience(&self) -> Duration {
        budget::patience(self.budget)
    }

    /// The first stage opens.
    pub(super) fn trace_start(&self) {
        let hooks = lock(&self.state).hooks.len();
        self.span.shutdown_started(self.request.reason.as_ref(), self.budget, hooks);
    }

    /// A stage opens. The driver looks at it at its end, too.
    pub(super) fn open_stage(&self, hooks: usize, end: Option<Instant>) {
        let mut state = lock(&self.state);
        state.unfinished = hooks;
        state.deadlines.extend(end.map(|at| (at, NO_HOOK)));
    }

    pub(super) fn is_stage_over(&self) -> bool {
        lock(&self.state).unfinished == 0
    }

    /// A hook starts. `None` if it must not, because everything is over.
    pub(super) fn start(
        &self,
        number: usize,
        deadline: Option<Instant>,
        patience: Option<Duration>,
    ) -> Option<Arc<TrackedWork>> {
        let mut state = lock(&self.state);
        if state.is_closed {
            return None; // P2
        }
        let hook = state.hooks.get_mut(number)?;
        let HookState::Pending(id) = hook else { return None }; // P1
        let (id, tracked) = (id.clone(), Arc::<TrackedWork>::default());
        let running = RunningHook { id, started: Instant::now(), tracked, patience };
        *hook = HookState::Running(running.clone());
        state.steps += 1;
        state.deadlines.extend(deadline.map(|at| (at, number)));
        drop(state);
        self.span.hook_started(&running.id.name, running.id.stage);
        Some(running.tracked)
    }

    /// A hook finishes, if no other thread said so before.
    pub(super) fn finish(&self, number: usize, outcome: Outcome) {
        let Some(running) = lock(&self.state).running(number).cloned() else { return };
        let report = running.finish(self.request.at, outcome);
        self.span.hook_ended(&report);
        let mut state = lock(&self.state);
        if !state.is_closed && state.running(number).is_some() {
            state.finish(number, report);
        }
    }

    /// When the driver has to look again.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        lock(&self.state).deadlines.first().map(|(at, _)| *at)
    }

    /// Returns a hook that still runs although its time is over.
    pub(super) fn pop_expired(&self, now: Instant) -> Option<usize> {
        let state = &mut *lock(&self.state);
        while let Some(&(at, number)) = state.deadlines.first() {
            if at > now {
                break;
            }
            state.deadlines.pop_first();
            let Some(running) = state.running(number) else { continue };
            // Counted from now: driver and worker may both have been suspended.
            match running.patience.take() {
                Some(patience) => _ = state.deadlines.insert((now + patience, number)),
                None => return Some(number),
            }
        }
        None
    }

    /// How often a hook has started or finished.
    #[cfg(all(any(unix, windows), feature = "__signal"))]
    pub(super) fn steps(&self) -> usize {
        lock(&self.state).steps
    }

    /// Ends everything (P2) and returns what became of it. To be called once.
    pub(super) fn close(&self) -> Closed {
        let mut state = lock(&self.state);
        state.is_closed = true;
        let hooks = mem::take(&mut state.hooks);
        drop(state);
        let unfinished = hooks.iter().enumerate().filter(|(_, hook)| !hook.is_finished());
        let untraced = unfinished.map(|(number, _)| number).collect();
        let hooks = hooks.into_iter().map(|hook| hook.into_report(self.request.at)).collect();
        Closed { report: Report::new(hooks, self.summary()), untraced }
    }

    fn summary(&self) -> Summary {
        Summary {
            budget: self.budget,
            before: self.before,
            took: self.request.at.elapsed(),
            reason: self.request.reason.clone(),
            failed: self.request.is_failure(),
        }
    }

    /// Reports to `tracing` what nothing was said of before. Runs code of the program.
    pub(super) fn trace_end(&self, closed: &Closed) {
        let hooks = closed.report.hooks();
        let untraced = closed.untraced.iter().filter_map(|&number| hooks.get(number));
        untraced.for_each(|hook| self.span.hook_ended(hook));
        self.span.shutdown_ended(&closed.report);
    }
}

/// The end of a shutdown.
pub(super) struct Closed {
    pub(super) report: Report,
    /// The hooks that no `hook_ended` was traced for.
    untraced: Vec<usize>,
}

impl State {
    fn running(&mut self, number: usize) -> Option<&mut RunningHook> {
        match self.hooks.get_mut(number)? {
            HookState::Running(running) => Some(running),
            _ => None,
        }
    }

    fn finish(&mut self, number: usize, report: HookReport) {
        if let Some(hook) = self.hooks.get_mut(number) {
            *hook = HookState::Finished(report);
            self.unfinished = self.unfinished.saturating_sub(1);
            self.steps += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_starts_or_changes_after_the_report() {
        let hooks = Hooks::new().hook("runs", async || {}).hook("waits", async || {});
        let progress = Progress::new(&hooks, Request::now());
        assert!(progress.start(0, None, None).is_some());
        assert!(progress.start(0, None, None).is_none(), "once");
        let report = progress.close().report;
        let outcomes: Vec<_> = report.hooks().iter().map(|hook| hook.outcome().label()).collect();
        assert_eq!(outcomes, ["abandoned", "not started"]);
        assert!(progress.start(1, None, None).is_none());
        progress.finish(0, Outcome::Done);
        assert!(progress.close().report.hooks().is_empty());
    }
}
