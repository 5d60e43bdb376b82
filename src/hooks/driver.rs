//! Runs the stages one after the other, and the hooks of a stage at the same time.

use std::collections::HashMap;
use std::future::poll_fn;
use std::mem;
use std::sync::Arc;
use std::task::{self, Poll};
use std::time::{Duration, Instant};

use super::budget::StageBudget;
use super::builder::{Hooks, Stage};
use super::hook::{Hook, Kind};
use super::progress::Progress;
use super::ready_queue::{HookWaker, ReadyQueue};
use super::report::Outcome;
use super::task::Task;
use super::timer::Timer;
use super::workers::{NumberedHook, StageQueue};

/// Runs all hooks. Blocking ones run on threads, and with `all_on_threads` so do the others;
/// without it, the executor that awaits this polls them.
pub(super) async fn run(
    progress: Arc<Progress>,
    hooks: Hooks,
    mut timer: Timer,
    all_on_threads: bool,
) {
    progress.announce_start(hooks.observers);
    let ready = Arc::default();
    let (mut stages, mut numbers) = (hooks.stages, 0..);
    stages.retain(|stage| !stage.is_empty());
    while let Some(stage) = stages.pop_front() {
        let later = stages.iter().map(longest);
        let budget = StageBudget::new(progress.deadline, Instant::now(), later);
        let hooks = stage.into_iter().zip(numbers.by_ref()).map(|(hook, number)| (number, hook));
        let has_thread = |(_, hook): &NumberedHook| all_on_threads || hook.kind == Kind::Blocking;
        let (threaded, polled) = hooks.partition(has_thread);
        let mut driver = Driver::open(&progress, &ready, budget, threaded, polled);
        poll_fn(|cx| driver.poll(cx, &mut timer)).await;
    }
}

/// The most that a stage can need, if that is known of all its hooks.
fn longest(stage: &Stage) -> Option<Duration> {
    let limits: Option<Vec<_>> = stage.iter().map(|hook| hook.limit.longest()).collect();
    limits?.into_iter().max()
}

/// Runs one stage.
struct Driver<'a> {
    progress: &'a Arc<Progress>,
    ready: &'a Arc<ReadyQueue>,
    budget: StageBudget,
    /// The hooks that wait for a thread.
    queue: Arc<StageQueue>,
    /// If they still wait at this time, blocked hooks hold all threads.
    queue_end: Option<Instant>,
    /// The hooks that are about to be polled here.
    unstarted: Vec<NumberedHook>,
    /// The hooks that are polled here.
    tasks: HashMap<usize, (Task, Arc<HookWaker>)>,
}

impl<'a> Driver<'a> {
    fn open(
        progress: &'a Arc<Progress>,
        ready: &'a Arc<ReadyQueue>,
        budget: StageBudget,
        threaded: Vec<NumberedHook>,
        polled: Vec<NumberedHook>,
    ) -> Self {
        progress.open_stage(threaded.len() + polled.len(), budget.end);
        let queue = StageQueue::new(threaded, progress, budget, ready);
        let (queue_end, tasks) = (budget.end, HashMap::new());
        let mut driver =
            Self { progress, ready, budget, queue, queue_end, unstarted: polled, tasks };
        driver.start_workers(Instant::now());
        driver
    }

    /// Starts a thread for each hook that waits for one, within bounds.
    fn start_workers(&mut self, now: Instant) {
        self.queue_end = self.queue_end.map(|end| end.max(now) + self.progress.patience());
        if self.queue.start_workers().is_err() {
            self.unstarted.extend(self.queue.take_all()); // late is better than never
        }
    }

    fn poll(&mut self, cx: &mut task::Context<'_>, timer: &mut Timer) -> Poll<()> {
        self.ready.set_driver(cx.waker().clone()); // Q1: first
        if self.queue_end.is_some_and(|end| end <= Instant::now()) {
            self.start_workers(Instant::now());
        }
        for (number, hook) in mem::take(&mut self.unstarted) {
            self.start(number, hook);
        }
        // One that wakes itself is polled again after the others, and after the deadlines.
        for _ in 0..self.ready.len() {
            self.ready.pop().into_iter().for_each(|number| self.poll_task(number));
        }
        self.expire_deadlines(Instant::now());
        if self.progress.is_stage_over() {
            return Poll::Ready(());
        }
        let queue_end = self.queue_end.filter(|_| !self.queue.is_empty());
        if let Some(at) = self.progress.next_deadline().into_iter().chain(queue_end).min() {
            timer.wake_at(at, cx.waker());
        }
        Poll::Pending
    }

    /// Every hook is polled once, even if no time is left.
    fn start(&mut self, number: usize, hook: Hook) {
        if let Some(task) = Task::start(self.progress, number, hook, &self.budget, false) {
            self.tasks.insert(number, (task, HookWaker::new(number, self.ready)));
            self.poll_task(number);
        }
    }

    fn poll_task(&mut self, number: usize) {
        let Some((task, waker)) = self.tasks.get_mut(&number) else { return };
        let polled = task.poll(&mut task::Context::from_waker(&waker.arm()));
        if let Poll::Ready(outcome) = polled {
            self.finish(number, outcome);
        }
    }

    fn finish(&mut self, number: usize, outcome: Outcome) {
        if let Some((task, _)) = self.tasks.remove(&number) {
            task.finish(Some(outcome));
        }
    }

    fn expire_deadlines(&mut self, now: Instant) {
        while let Some(number) = self.progress.pop_expired(now) {
            match self.tasks.remove(&number) {
                Some((task, _)) => task.finish(None),
                None => self.progress.finish(number, Outcome::Abandoned), // it blocks its thread
            }
        }
    }
}

impl Drop for Driver<'_> {
    /// If a run is cancelled, the hooks that have not started never do.
    fn drop(&mut self) {
        drop(self.queue.take_all());
    }
}
