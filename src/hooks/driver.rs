//! Runs the stages one after the other, and the hooks of a stage at the same time.

use std::collections::HashMap;
use std::future::poll_fn;
use std::mem;
use std::sync::Arc;
use std::task::{self, Poll, Waker};
use std::time::Instant;

use super::alarm::Timer;
use super::budget::StageBudget;
use super::hook::{Hook, Kind, NumberedHook};
use super::progress::Progress;
use super::report::Outcome;
use super::task::Task;
use super::workers::{MAX_WORKERS, Workers};
use crate::util::panic::catch_panic;

/// If so many hooks block their threads, no thread replaces theirs: the process has a limit.
const MAX_BLOCKED: usize = 1024;

/// Where the hooks run that do not block. The others run on threads.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum AsyncHooks {
    /// The executor that awaits `run` polls them.
    OnExecutor,
    #[cfg_attr(not(feature = "__signal"), allow(dead_code, reason = "for `exit_on`"))]
    OnThreads,
}

/// Runs all hooks. At the end the timer is dropped: that tells the watchdog.
pub(super) async fn run(progress: Arc<Progress>, mut timer: Timer, place: AsyncHooks) {
    let _unstarted = Unstarted(&progress);
    progress.announce_start();
    while let Some((budget, hooks)) = progress.open_stage() {
        let has_thread = |(_, hook): &NumberedHook| {
            place == AsyncHooks::OnThreads || hook.kind == Kind::Blocking
        };
        let (threaded, polled) = hooks.into_iter().partition(has_thread);
        let mut driver = Driver::open(&progress, budget, threaded, polled);
        poll_fn(|cx| driver.poll(cx, &mut timer)).await;
    }
}

/// If a run is cancelled, the stages that have not started are dropped with it.
struct Unstarted<'a>(&'a Progress);

impl Drop for Unstarted<'_> {
    fn drop(&mut self) {
        drop(self.0.take_stages());
    }
}

/// Runs one stage.
struct Driver<'a> {
    progress: &'a Arc<Progress>,
    budget: StageBudget,
    workers: Arc<Workers>,
    /// How many hooks block their threads after their deadlines.
    blocked: usize,
    /// The hooks that are about to be polled here.
    unstarted: Vec<NumberedHook>,
    /// The hooks that are polled here.
    tasks: HashMap<usize, (Task, Waker)>,
}

impl<'a> Driver<'a> {
    fn open(
        progress: &'a Arc<Progress>,
        budget: StageBudget,
        threaded: Vec<NumberedHook>,
        polled: Vec<NumberedHook>,
    ) -> Self {
        let workers = Workers::new(threaded, progress, budget);
        let (unstarted, tasks) = (polled, HashMap::new());
        let mut driver = Self { progress, budget, workers, blocked: 0, unstarted, tasks };
        driver.start_workers(MAX_WORKERS);
        driver
    }

    /// Starts a thread for each hook that waits for one, but not more than `most`.
    fn start_workers(&mut self, most: usize) {
        if self.workers.start(most).is_err() {
            self.unstarted.extend(self.workers.take_all()); // late is better than never
        }
    }

    fn poll(&mut self, cx: &mut task::Context<'_>, timer: &mut Timer) -> Poll<()> {
        let ready = &self.progress.ready;
        ready.set_driver(cx.waker().clone()); // Q1: first
        // One that wakes itself is polled again after the others, and after the deadlines.
        ready.take().into_iter().for_each(|number| self.poll_task(number));
        self.expire_deadlines(Instant::now());
        for (number, hook) in mem::take(&mut self.unstarted) {
            self.start(number, hook);
        }
        if self.progress.is_stage_over() {
            return Poll::Ready(());
        }
        if let Some(at) = self.progress.next_deadline() {
            timer.wake_at(at, ready);
        }
        Poll::Pending
    }

    /// Every hook is polled once, even if no time is left.
    fn start(&mut self, number: usize, hook: Hook) {
        if let Some(task) = Task::start(self.progress, number, hook, &self.budget, false) {
            self.tasks.insert(number, (task, self.progress.ready.waker_of(number)));
            self.poll_task(number);
        }
    }

    fn poll_task(&mut self, number: usize) {
        let Some((task, waker)) = self.tasks.get_mut(&number) else { return };
        let Poll::Ready(outcome) = task.poll(&mut task::Context::from_waker(waker)) else { return };
        if let Some((task, _)) = self.tasks.remove(&number) {
            task.end(Some(outcome));
        }
    }

    fn expire_deadlines(&mut self, now: Instant) {
        while let Some(number) = self.progress.pop_expired(now) {
            match self.tasks.remove(&number) {
                Some((task, _)) => task.end(None),
                None => self.abandon(number),
            }
        }
    }

    /// Gives up a hook that blocks its thread. Another thread takes over, within bounds.
    fn abandon(&mut self, number: usize) {
        self.progress.finish(number, Outcome::Abandoned);
        self.blocked += 1;
        if self.blocked < MAX_BLOCKED {
            return self.start_workers(1);
        }
        for (number, hook) in self.workers.take_all() {
            self.progress.finish(number, Outcome::NotStarted);
            let _ = catch_panic(|| drop(hook)); // H2
        }
    }
}

impl Drop for Driver<'_> {
    /// If a run is cancelled, the hooks that have not started never do.
    fn drop(&mut self) {
        drop(self.workers.take_all());
    }
}
