//! What became of each hook so far.

use std::collections::BTreeSet;
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::budget::{self, StageBudget};
use super::builder::Hooks;
use super::closed::Closed;
use super::event::{Event, Running, Started};
use super::hook::NumberedHook;
use super::hook_state::{HookState, RunningHook};
use super::observer::Observer;
use super::observer_threads::ObserverThreads;
use super::report::{HookReport, Outcome, Report, Summary};
use super::request::Request;
use super::stage::Stages;
use crate::in_flight::tracked_work::TrackedWork;
use crate::observers::tracing::ShutdownSpan;
use crate::sync::{Mutex, lock};

// Invariants
//
// P1  A hook goes from pending to running to finished. The first outcome stays.
// P2  After `close`, no hook starts and no outcome changes.
// P3  No code of the program runs under the lock, and nothing of a hook is dropped there.

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
    stages: Stages,
    /// The hooks of the stages that have started, in the order in which they were added.
    hooks: Vec<HookState>,
    /// When the driver looks at which hook, which may have finished by then.
    deadlines: BTreeSet<(Instant, usize)>,
    /// How many hooks of the open stage have not finished.
    unfinished: usize,
    /// How often a hook started or finished.
    steps: usize,
    /// Those that have no thread yet.
    unstarted_observers: Vec<Box<dyn Observer>>,
    observers: ObserverThreads,
    is_closed: bool,
}

/// In place of a hook's number, if a deadline is that of a stage.
const NO_HOOK: usize = usize::MAX;

impl Progress {
    /// The budget counts from the request.
    pub(super) fn new(hooks: Hooks, request: Request) -> Arc<Self> {
        let Hooks { stages, budget, observers } = hooks;
        let state = State {
            stages: Stages::new(stages),
            hooks: Vec::new(),
            deadlines: BTreeSet::new(),
            unfinished: 0,
            steps: 0,
            unstarted_observers: observers,
            observers: ObserverThreads::default(),
            is_closed: false,
        };
        Arc::new(Self {
            deadline: request.at.checked_add(budget), // none if no clock reaches it
            before: request.at.elapsed(),
            request,
            budget,
            span: ShutdownSpan::default(),
            state: Mutex::new(state),
        })
    }

    /// How long a thread may take after a hook's deadline to drop the hook.
    pub(super) fn patience(&self) -> Duration {
        budget::patience(self.budget)
    }

    /// The first stage opens.
    pub(super) fn announce_start(self: &Arc<Self>) {
        let observers = mem::take(&mut lock(&self.state).unstarted_observers);
        let progress = Arc::downgrade(self);
        let running = move || progress.upgrade()?.running();
        let observers = ObserverThreads::start(observers, &running);
        let mut state = lock(&self.state);
        let hooks = state.stages.ids().len();
        if !state.is_closed {
            observers.send(|| Event::Started(self.started(hooks)));
            state.observers = observers; // E1
        }
        drop(state);
        self.span.shutdown_started(self.request.reason.as_ref(), self.budget, hooks);
    }

    /// Opens the next stage that has hooks. The driver looks at it at its end, too.
    pub(super) fn open_stage(&self) -> Option<(StageBudget, Vec<NumberedHook>)> {
        let state = &mut *lock(&self.state);
        if state.is_closed {
            return None; // P2
        }
        let hooks = state.stages.open()?;
        let budget = StageBudget::new(self.deadline, Instant::now(), state.stages.longest());
        state.unfinished = hooks.len();
        state.deadlines.extend(budget.end.map(|at| (at, NO_HOOK)));
        let hooks = hooks.into_iter().map(|(id, hook)| {
            state.hooks.push(HookState::Pending(id));
            (state.hooks.len() - 1, hook)
        });
        Some((budget, hooks.collect()))
    }

    /// Takes the stages that have not started. None of them starts any more.
    pub(super) fn take_stages(&self) -> Stages {
        mem::take(&mut lock(&self.state).stages)
    }

    /// Returns whether a hook is there, or may be added.
    #[cfg(all(any(unix, windows), feature = "__signal"))]
    pub(super) fn has_stages(&self) -> bool {
        !lock(&self.state).stages.is_empty()
    }

    pub(super) fn is_stage_over(&self) -> bool {
        lock(&self.state).unfinished == 0
    }

    /// A hook starts. `None` if it must not, because everything is over.
    pub(super) fn start(
        &self,
        number: usize,
        now: Instant,
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
        let running = RunningHook { id, started: now, deadline, tracked, patience };
        *hook = HookState::Running(running.clone());
        state.steps += 1;
        state.deadlines.extend(deadline.map(|at| (at, number)));
        state.observers.send(|| Event::HookStarted(running.snapshot()));
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

    /// A hook that waits never starts.
    pub(super) fn skip(&self, number: usize) {
        let mut state = lock(&self.state);
        let Some(HookState::Pending(id)) = state.hooks.get(number) else { return };
        let report = HookReport::not_started(id.clone());
        state.finish(number, report.clone());
        drop(state);
        self.span.hook_ended(&report);
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
        let waiting = state.stages.ids();
        state.hooks.extend(waiting.into_iter().map(HookState::Pending)); // P3: the stages stay
        let hooks = mem::take(&mut state.hooks);
        let observers = mem::take(&mut state.observers);
        drop(state);
        let unfinished = hooks.iter().enumerate().filter(|(_, hook)| !hook.is_finished());
        let unannounced = unfinished.map(|(number, _)| number).collect();
        let hooks = hooks.into_iter().map(|hook| hook.into_report(self.request.at)).collect();
        Closed::new(Report::new(hooks, self.summary()), unannounced, observers)
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

    /// What runs now, or `None` if nothing does.
    pub(super) fn running(&self) -> Option<Event> {
        let running = |hook: &HookState| match hook {
            HookState::Running(running) => Some(running.clone()),
            _ => None,
        };
        let hooks: Vec<_> = lock(&self.state).hooks.iter().filter_map(running).collect();
        let hooks: Vec<_> = hooks.iter().map(RunningHook::snapshot).collect(); // not under the lock
        let is_any = !hooks.is_empty();
        is_any.then(|| Event::Running(Running { hooks, deadline: self.deadline }))
    }

    fn started(&self, hooks: usize) -> Started {
        let (reason, budget, deadline) = (self.request.reason.clone(), self.budget, self.deadline);
        Started { reason, budget, deadline, hooks }
    }
}

impl State {
    fn running(&mut self, number: usize) -> Option<&mut RunningHook> {
        match self.hooks.get_mut(number)? {
            HookState::Running(running) => Some(running),
            _ => None,
        }
    }

    fn finish(&mut self, number: usize, report: HookReport) {
        self.observers.send(|| Event::HookEnded(report.clone()));
        if let Some(hook) = self.hooks.get_mut(number) {
            *hook = HookState::Finished(report);
            self.unfinished = self.unfinished.saturating_sub(1);
            self.steps += 1;
        }
    }
}
