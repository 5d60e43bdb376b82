//! What became of each hook so far.

use std::collections::BTreeSet;
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::budget::StageBudget;
use super::builder::Hooks;
use super::closed::Closed;
use super::event::{Event, Running, Started};
use super::hook::NumberedHook;
use super::hook_state::{HookState, StartedHook};
use super::observer::Observer;
use super::observer_threads::ObserverThreads;
use super::ready_queue::ReadyQueue;
use super::report::{Outcome, Report, Summary};
use super::request::Request;
use super::span::ShutdownSpan;
use super::stage::Stages;
use crate::in_flight::tracked_work::TrackedWork;
use crate::util::sync::{Mutex, lock};

// Invariants
//
// P1  A hook goes from pending to running to finished. The first outcome stays.
// P2  After `close`, no hook starts and no outcome changes: `close` takes them all.
// P3  No code of the program runs under the lock, and nothing of a hook is dropped there.

/// One shutdown. Every thread that takes part in it has this.
pub(super) struct Progress {
    pub(super) request: Request,
    pub(super) budget: Duration,
    pub(super) deadline: Option<Instant>,
    pub(super) span: ShutdownSpan,
    /// Wakes the driver.
    pub(super) ready: Arc<ReadyQueue>,
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
            ready: Arc::default(),
            state: Mutex::new(state),
        })
    }

    /// The first stage opens.
    pub(super) fn announce_start(self: &Arc<Self>) {
        let observers = mem::take(&mut lock(&self.state).unstarted_observers);
        let progress = Arc::downgrade(self);
        let running = move || progress.upgrade()?.what_runs();
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

    /// Opens the next stage that has hooks.
    pub(super) fn open_stage(&self) -> Option<(StageBudget, Vec<NumberedHook>)> {
        let state = &mut *lock(&self.state);
        if state.is_closed {
            return None; // P2
        }
        let hooks = state.stages.open()?;
        let budget = StageBudget::new(self.deadline, Instant::now(), state.stages.longest());
        state.unfinished = hooks.len();
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
        let hook = state.hooks.get_mut(number)?; // P2
        let HookState::Pending(id) = hook else { return None }; // P1
        let (id, tracked) = (id.clone(), Arc::<TrackedWork>::default());
        let running = StartedHook { id, started: now, deadline, tracked, patience };
        *hook = HookState::Running(running.clone());
        state.steps += 1;
        state.deadlines.extend(deadline.map(|at| (at, number)));
        let is_next = state.deadlines.first().is_some_and(|&(_, first)| first == number);
        state.observers.send(|| Event::HookStarted(running.snapshot()));
        drop(state);
        if is_next {
            self.ready.wake_driver(); // before code of the program, which may block
        }
        self.span.hook_started(&running.id.name, running.id.stage);
        Some(running.tracked)
    }

    /// A hook finishes, if no other thread said so before. One that still waits never starts.
    pub(super) fn finish(&self, number: usize, outcome: Outcome) {
        let Some(hook) = unfinished(&mut lock(&self.state).hooks, number).cloned() else { return };
        let report = hook.into_report(self.request.at, outcome);
        self.span.hook_ended(&report);
        let mut guard = lock(&self.state);
        let state = &mut *guard;
        if let Some(hook) = unfinished(&mut state.hooks, number) {
            state.observers.send(|| Event::HookEnded(report.clone()));
            *hook = HookState::Finished(report);
            state.unfinished -= 1;
            state.steps += 1;
        }
        let is_stage_over = state.unfinished == 0;
        drop(guard);
        if is_stage_over {
            self.ready.wake_driver();
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
        let waiting = state.stages.ids();
        state.hooks.extend(waiting.into_iter().map(HookState::Pending)); // P3: the stages stay
        let hooks = mem::take(&mut state.hooks);
        let observers = mem::take(&mut state.observers);
        drop(state);
        let (mut reports, mut unannounced) = (Vec::new(), Vec::new());
        for hook in hooks {
            let is_finished = hook.is_finished();
            let report = hook.into_report(self.request.at, Outcome::Abandoned);
            unannounced.extend((!is_finished).then(|| report.clone()));
            reports.push(report);
        }
        Closed::new(Report::new(reports, self.summary()), unannounced, observers)
    }

    fn summary(&self) -> Summary {
        Summary {
            budget: self.budget,
            before: self.before,
            took: self.request.at.elapsed(),
            reason: self.request.reason.clone(),
            failure: self.request.failure(),
        }
    }

    /// What runs now, or `None` if nothing does.
    pub(super) fn what_runs(&self) -> Option<Event> {
        let running = |hook: &HookState| match hook {
            HookState::Running(running) => Some(running.clone()),
            _ => None,
        };
        let hooks: Vec<_> = lock(&self.state).hooks.iter().filter_map(running).collect();
        let hooks: Vec<_> = hooks.iter().map(StartedHook::snapshot).collect(); // not under the lock
        let is_any = !hooks.is_empty();
        is_any.then(|| Event::Running(Running { hooks, deadline: self.deadline }))
    }

    fn started(&self, hooks: usize) -> Started {
        let (reason, budget, deadline) = (self.request.reason.clone(), self.budget, self.deadline);
        Started { reason, budget, deadline, hooks }
    }
}

impl State {
    fn running(&mut self, number: usize) -> Option<&mut StartedHook> {
        match self.hooks.get_mut(number)? {
            HookState::Running(running) => Some(running),
            _ => None,
        }
    }
}

fn unfinished(hooks: &mut [HookState], number: usize) -> Option<&mut HookState> {
    hooks.get_mut(number).filter(|hook| !hook.is_finished())
}
