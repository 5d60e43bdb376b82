//! The state of every hook in one shutdown. Every thread that takes part in it shares an [`Engine`].
//!
//! A hook waits, runs, and ends. A driver opens the stages one after the other; it, or the thread of
//! a hook, reports here what happens, and this wakes the driver when a stage is over or when there is
//! an earlier deadline. At the end `close` turns everything into the report, after which no hook
//! starts and no outcome changes.

use std::collections::{BTreeSet, VecDeque};
use std::mem;
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use super::span::ShutdownSpan;
use super::stages::{Deadline, StageTime, Stages};
use super::{BOUND, NumberedHook};
use crate::hooks::builder::Hooks;
use crate::hooks::event::{Event, Running, RunningHook, Started};
use crate::hooks::hook::{Hook, HookId, Kind};
use crate::hooks::observer::{Observer, ObserverThreads};
use crate::hooks::report::{HookReport, Outcome, Report, Summary};
use crate::in_flight::tracked_work::TrackedWork;
use crate::signal::{Reason, ShutdownSignal};
use crate::util::sync::{Mutex, MutexGuard, lock};

// Invariants
//
// P1  A hook goes from waiting to running to ended. The first outcome stays.
// P2  After `close`, no hook starts and no outcome changes: `close` takes them all.
// P3  No code of the program runs under the lock of the state, and nothing of a hook or of an event
//     is dropped there.
// P4  The driver's waker is set before the driver looks at anything. What it looks at is changed
//     before it is woken. So it sees each change, or is woken after it.
// P5  Events are queued under the lock of the state, so observers and `tracing` get them in the order
//     in which the state changed.

/// One shutdown.
pub(in crate::hooks) struct Engine {
    reason: Option<Reason>,
    at: Instant,
    /// `None` if the hooks are run without a request.
    shutdown: Option<ShutdownSignal>,
    budget: Duration,
    pub(in crate::hooks) deadline: Option<Instant>,
    pub(super) span: ShutdownSpan,
    /// From the request to the first stage.
    before: Duration,
    state: Mutex<State>,
    driver: Mutex<Option<Waker>>,
    /// Held by the thread that passes events to `tracing`, so that they stay in order.
    telling: Mutex<()>,
}

#[derive(Default)]
struct State {
    stages: Stages,
    /// The hooks of the stages that have started, in the order in which they were added.
    hooks: Vec<HookState>,
    /// When the driver looks at which hook, which may have ended by then.
    deadlines: BTreeSet<(Instant, usize)>,
    /// How many hooks of the open stage have not ended.
    unfinished: usize,
    /// The program has returned, so that it no longer serves during a delay.
    skips_delays: bool,
    /// Those that have no thread yet.
    unstarted_observers: Vec<Box<dyn Observer>>,
    observers: ObserverThreads,
    /// The events that `tracing` has not got.
    untold: VecDeque<Arc<Event>>,
    is_closed: bool,
}

enum HookState {
    Waiting(HookId),
    Running(RunningState),
    Ended(HookReport),
}

#[derive(Clone)]
struct RunningState {
    id: HookId,
    kind: Kind,
    started: Instant,
    deadline: Deadline,
    tracked: Arc<TrackedWork>,
    /// How long the thread of the hook may take to drop it, after the deadline.
    patience: Option<Duration>,
}

impl Engine {
    /// The shutdown of hooks that are run without a request.
    pub(in crate::hooks) fn now(hooks: Hooks) -> Arc<Self> {
        Self::new(hooks, Instant::now(), None)
    }

    /// The shutdown that was requested. Its budget counts from the request.
    pub(in crate::hooks) fn requested(hooks: Hooks, shutdown: &ShutdownSignal) -> Arc<Self> {
        let at = shutdown.requested_at().unwrap_or_else(Instant::now);
        Self::new(hooks, at, Some(shutdown.clone()))
    }

    fn new(hooks: Hooks, at: Instant, shutdown: Option<ShutdownSignal>) -> Arc<Self> {
        let Hooks { stages, budget, observers, skips_delays } = hooks;
        let (stages, unstarted_observers) = (Stages::new(stages), observers);
        let state = State { stages, skips_delays, unstarted_observers, ..State::default() };
        Arc::new(Self {
            reason: shutdown.as_ref().and_then(ShutdownSignal::reason),
            at,
            shutdown,
            budget,
            deadline: at.checked_add(budget), // none if no clock reaches it
            span: ShutdownSpan::default(),
            before: at.elapsed(),
            state: Mutex::new(state),
            driver: Mutex::default(),
            telling: Mutex::default(),
        })
    }

    pub(in crate::hooks) fn reason(&self) -> Option<&Reason> {
        self.reason.as_ref()
    }

    /// Starts the observers, before the first stage.
    pub(super) fn start(self: &Arc<Self>) {
        let observers = mem::take(&mut lock(&self.state).unstarted_observers);
        let engine = Arc::downgrade(self);
        let running = move || Some(Event::Running(engine.upgrade()?.running()?));
        let observers = ObserverThreads::start(observers, &running);
        let state = &mut *lock(&self.state);
        if state.is_closed {
            return; // P2; `observers` has no events and is dropped after the lock
        }
        state.observers = observers;
        let (reason, budget, deadline) = (self.reason.clone(), self.budget, self.deadline);
        let hooks = state.stages.ids().len();
        let ctrl_c = self.shutdown.as_ref().and_then(ShutdownSignal::ctrl_c_hint);
        state.announce(|| Event::Started(Started { reason, budget, deadline, hooks, ctrl_c }));
    }

    /// Opens the next stage that has hooks. Delays start at once: they need no thread, only the driver,
    /// which ends them at their deadline.
    pub(super) fn open_stage(&self) -> Option<(StageTime, Vec<NumberedHook>)> {
        let mut delays = Vec::new(); // P3
        let state = &mut *lock(&self.state);
        if state.is_closed {
            return None; // P2
        }
        let hooks = state.stages.open()?;
        let time = state.stages.time(self.deadline, Instant::now());
        let mut numbered = Vec::with_capacity(hooks.len());
        state.unfinished = hooks.len();
        for (id, hook) in hooks {
            let number = state.hooks.len();
            state.hooks.push(HookState::Waiting(id));
            if hook.kind == Kind::Delay {
                let now = Instant::now();
                state.run(number, Kind::Delay, now, time.deadline_of(hook.limit, now), None);
                if state.skips_delays {
                    state.end(number, Outcome::Done, self.at);
                }
                delays.push(hook);
            } else {
                numbered.push((number, hook));
            }
        }
        Some((time, numbered))
    }

    /// The program has returned, so that delays are over.
    pub(in crate::hooks) fn skip_delays(&self) {
        {
            let state = &mut *lock(&self.state);
            state.skips_delays = true;
            state.end_delays(self.at);
        }
        self.wake_driver();
    }

    pub(super) fn is_closed(&self) -> bool {
        lock(&self.state).is_closed
    }

    /// Drops the stages that have not started.
    pub(super) fn drop_stages(&self) {
        let stages = mem::take(&mut lock(&self.state).stages);
        drop(stages); // P3
    }

    /// Returns whether a hook waits, or may be added.
    pub(super) fn is_stage_over(&self) -> bool {
        lock(&self.state).unfinished == 0
    }

    /// A hook starts, on this thread. `None` if it must not, because everything is over.
    pub(super) fn start_hook(
        &self,
        number: usize,
        hook: &Hook,
        time: &StageTime,
        is_threaded: bool,
    ) -> Option<(Deadline, Arc<TrackedWork>)> {
        let now = Instant::now();
        let deadline = time.deadline_of(hook.limit, now);
        // A thread needs a moment to drop an async hook at its deadline. A blocking one cannot be
        // dropped, but one that starts at its deadline may return at once.
        let is_waited_for = hook.kind != Kind::Blocking || deadline.at.is_some_and(|at| at <= now);
        let patience = (is_threaded && is_waited_for).then(|| patience(self.budget));
        let (tracked, is_next) = {
            let state = &mut *lock(&self.state);
            let tracked = state.run(number, hook.kind, now, deadline, patience)?; // P1, P2
            (tracked, state.deadlines.first().is_some_and(|&(_, first)| first == number))
        };
        if is_next {
            self.wake_driver(); // before code of the program, which may block
        }
        self.tell();
        // P2, also for a hook that the subscriber has blocked until now.
        (!ShutdownSpan::IS_ENABLED || !self.is_closed()).then_some((deadline, tracked))
    }

    /// A hook ends, if it has not ended before. One that still waits never starts.
    pub(super) fn end_hook(&self, number: usize, outcome: Outcome) {
        let (late, is_stage_over) = {
            let state = &mut *lock(&self.state);
            (state.end(number, outcome, self.at), state.unfinished == 0)
        };
        drop(late); // P3
        if is_stage_over {
            self.wake_driver();
        }
    }

    /// When the driver has to look again.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        lock(&self.state).deadlines.first().map(|(at, _)| *at)
    }

    /// Ends the delays whose time is over, and returns another hook that runs although its time is
    /// over.
    pub(super) fn pop_expired(&self, now: Instant) -> Option<usize> {
        let state = &mut *lock(&self.state);
        while let Some(&(at, number)) = state.deadlines.first() {
            if at > now {
                break;
            }
            state.deadlines.pop_first();
            let Some(HookState::Running(hook)) = state.hooks.get_mut(number) else { continue };
            if hook.kind == Kind::Delay {
                let outcome = Kind::Delay.at_deadline(hook.deadline.is_own);
                state.end(number, outcome, self.at);
                continue;
            }
            // Counted from now: driver and thread may both have been suspended.
            match hook.patience.take() {
                Some(patience) => _ = state.deadlines.insert((now + patience, number)),
                None => return Some(number),
            }
        }
        None
    }

    pub(super) fn set_driver(&self, waker: Waker) {
        let old = lock(&self.driver).replace(waker); // P4: first
        drop(old); // not under the lock
    }

    pub(super) fn wake_driver(&self) {
        let driver = lock(&self.driver).take();
        driver.into_iter().for_each(Waker::wake); // not under the lock
    }

    /// Passes the events to `tracing`, which may block or panic: never called on the thread that
    /// drives `exit_on`.
    pub(in crate::hooks) fn tell(&self) {
        if !ShutdownSpan::IS_ENABLED {
            return;
        }
        let in_order = lock(&self.telling);
        self.tell_all(in_order);
    }

    /// Does the same at the end, but does not wait for long for a subscriber that blocks another thread.
    pub(in crate::hooks) fn tell_at_the_end(&self) {
        let end = Instant::now() + BOUND / 5;
        while ShutdownSpan::IS_ENABLED && Instant::now() < end {
            if let Ok(in_order) = self.telling.try_lock() {
                return self.tell_all(in_order);
            }
            std::thread::sleep(BOUND / 500);
        }
    }

    fn tell_all(&self, _in_order: MutexGuard<'_, ()>) {
        loop {
            let Some(event) = lock(&self.state).untold.pop_front() else { return };
            self.span.on_event(event);
        }
    }

    /// What runs, or `None` if nothing does.
    pub(in crate::hooks) fn running(&self) -> Option<Running> {
        let running = |hook: &HookState| match hook {
            HookState::Running(running) => Some(running.clone()),
            _ => None,
        };
        let hooks: Vec<_> = lock(&self.state).hooks.iter().filter_map(running).collect();
        let hooks: Vec<_> = hooks.iter().map(RunningState::snapshot).collect(); // P3
        (!hooks.is_empty()).then_some(Running { hooks, deadline: self.deadline })
    }

    /// Ends everything (P2) and returns the report. To be called once.
    pub(in crate::hooks) fn close(&self) -> (Report, ObserverThreads) {
        let mut state = lock(&self.state);
        state.is_closed = true;
        let waiting = state.stages.ids();
        state.hooks.extend(waiting.into_iter().map(HookState::Waiting)); // P3: the stages stay
        for number in 0..state.hooks.len() {
            state.end(number, Outcome::Abandoned, self.at); // of those that run
        }
        let reports = mem::take(&mut state.hooks).into_iter().filter_map(HookState::into_report);
        let report = Report::new(reports.collect(), self.summary());
        state.announce(|| Event::Ended(report.clone()));
        (report, mem::take(&mut state.observers))
    }

    fn summary(&self) -> Summary {
        Summary {
            budget: self.budget,
            before: self.before,
            took: self.at.elapsed(),
            reason: self.reason.clone(),
            failure: self.shutdown.as_ref().and_then(ShutdownSignal::failure),
        }
    }
}

/// How long a thread may take after a hook's deadline to drop the hook. After that, the hook blocks
/// the thread.
fn patience(budget: Duration) -> Duration {
    (budget / 20).clamp(BOUND / 100, BOUND / 10)
}

impl State {
    fn run(
        &mut self,
        number: usize,
        kind: Kind,
        started: Instant,
        deadline: Deadline,
        patience: Option<Duration>,
    ) -> Option<Arc<TrackedWork>> {
        let hook = self.hooks.get_mut(number)?;
        let HookState::Waiting(id) = hook else { return None };
        let (id, tracked) = (id.clone(), Arc::<TrackedWork>::default());
        let running =
            RunningState { id, kind, started, deadline, tracked: Arc::clone(&tracked), patience };
        let event = running.snapshot();
        *hook = HookState::Running(running);
        self.deadlines.extend(deadline.at.map(|at| (at, number)));
        self.announce(|| Event::HookStarted(event));
        Some(tracked)
    }

    /// Returns the outcome if it is not the first one (P1).
    fn end(&mut self, number: usize, outcome: Outcome, request: Instant) -> Option<Outcome> {
        let Some(hook) = self.hooks.get_mut(number) else { return Some(outcome) };
        let report = match hook {
            HookState::Waiting(id) => HookReport::not_started(id.clone()),
            HookState::Running(hook) => {
                let started = hook.started.saturating_duration_since(request);
                let took = hook.started.elapsed();
                HookReport::ended(hook.id.clone(), started, took, outcome, &hook.tracked)
            }
            HookState::Ended(_) => return Some(outcome),
        };
        *hook = HookState::Ended(report.clone());
        self.unfinished = self.unfinished.saturating_sub(1);
        self.announce(|| Event::HookEnded(report));
        None
    }

    fn end_delays(&mut self, request: Instant) {
        let is_delay = |hook: &HookState| {
            matches!(hook, HookState::Running(RunningState { kind: Kind::Delay, .. }))
        };
        for number in 0..self.hooks.len() {
            if is_delay(&self.hooks[number]) {
                self.end(number, Outcome::Done, request);
            }
        }
    }

    /// P5.
    fn announce(&mut self, event: impl FnOnce() -> Event) {
        if self.observers.is_empty() && !ShutdownSpan::IS_ENABLED {
            return;
        }
        let event = Arc::new(event());
        self.observers.send(&event);
        if ShutdownSpan::IS_ENABLED {
            self.untold.push_back(event);
        }
    }
}

impl HookState {
    fn into_report(self) -> Option<HookReport> {
        if let Self::Ended(report) = self { Some(report) } else { None }
    }
}

impl RunningState {
    fn snapshot(&self) -> RunningHook {
        RunningHook {
            id: self.id.clone(),
            started: self.started,
            running_for: self.started.elapsed(),
            deadline: self.deadline.at,
            in_flight: self.tracked.entries(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::HookSet;

    fn labels(report: &Report) -> Vec<&str> {
        report.hooks().iter().map(|hook| hook.outcome().label()).collect()
    }

    #[test]
    fn nothing_starts_or_changes_after_the_report() {
        let hooks = Hooks::new().hook("runs", async || {}).hook("waits", async || {});
        let hooks = hooks.then().include(&HookSet::new()).then().hook("later", async || {});
        let engine = Engine::now(hooks);
        let (time, hooks) = engine.open_stage().unwrap();
        assert!(engine.start_hook(0, &hooks[0].1, &time, true).is_some());
        assert!(engine.start_hook(0, &hooks[0].1, &time, true).is_none(), "once");
        let (report, _) = engine.close();
        assert_eq!(labels(&report), ["abandoned", "not started", "not started"]);
        assert_eq!(report.hooks()[2].stage(), 2, "an empty set is no stage");
        assert!(engine.start_hook(1, &hooks[1].1, &time, true).is_none());
        assert!(engine.open_stage().is_none());
    }

    #[test]
    fn observers_hear_of_hooks_that_run_or_wait_at_the_end() {
        let (sender, heard) = mpsc::channel();
        let hooks = Hooks::new().hook("blocks", async || {}).then().hook("waits", async || {});
        let hooks = hooks.observe(move |event: &Event| {
            let _ = sender.send(match event {
                Event::HookEnded(hook) => format!("{} {}", hook.name(), hook.outcome()),
                Event::Ended(report) => format!("{} hooks", report.hooks().len()),
                _ => return,
            });
        });
        let engine = Engine::now(hooks);
        engine.start();
        let (time, hooks) = engine.open_stage().unwrap();
        assert!(engine.start_hook(0, &hooks[0].1, &time, true).is_some());
        engine.close().1.finish(Duration::from_secs(30));
        assert!(heard.iter().eq(["blocks abandoned", "waits not started", "2 hooks"]));
    }

    #[test]
    fn observers_that_start_after_the_report_hear_nothing() {
        let (sender, heard) = mpsc::channel();
        let engine = Engine::now(Hooks::new().observe(move |_: &Event| _ = sender.send(())));
        let (_, observers) = engine.close();
        engine.start();
        drop((engine, observers));
        assert!(heard.recv().is_err());
    }
}
