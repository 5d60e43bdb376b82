//! The two drivers. Each opens one stage after the other, and gives up hooks that block their threads
//! beyond their deadlines.
//!
//! [`run_on_threads`] is for `exit_on`. It gives every hook to a thread and runs no code of the program,
//! so nothing can block it. There is one exception: if the system refuses a thread, it runs the hooks
//! itself, one after the other, and the watchdog holds the bound.
//!
//! [`run_on_executor`] is for `run`. It polls the async hooks of a stage on the caller's executor, all at
//! once, and only the blocking ones have threads.

use std::collections::{BTreeSet, HashMap};
use std::future::poll_fn;
use std::mem;
use std::sync::Arc;
use std::task::{self, Poll, Wake, Waker};
use std::time::Instant;

use super::NumberedHook;
use super::runtime::HookRuntime;
use super::state::Engine;
use super::timer::Timer;
use super::worker::{MAX_WORKERS, Task, Workers};
use crate::hooks::hook::Kind;
use crate::util::block_on::{park_until, thread_waker};
use crate::util::sync::{Mutex, lock};

/// Runs all hooks, each on a thread. This is the thread that drives `exit_on`.
pub(in crate::hooks) fn run_on_threads(engine: &Arc<Engine>) {
    engine.start();
    let (waker, mut runtime) = (thread_waker(), None::<HookRuntime>);
    while let Some((time, hooks)) = engine.open_stage() {
        if !hooks.is_empty() {
            runtime.get_or_insert_with(HookRuntime::start); // it takes time to build
        }
        let workers = Workers::new(hooks, engine, time, runtime.clone().unwrap_or_default());
        let mut started = workers.start(MAX_WORKERS);
        loop {
            if started.is_err() {
                workers.put_blocking_last();
                workers.work(); // the exception
                started = Ok(());
            }
            engine.set_driver(waker.clone()); // P4 in `state`: first
            while let Some(number) = engine.pop_expired(Instant::now()) {
                started = started.and(workers.abandon(number));
            }
            if engine.is_stage_over() {
                break;
            }
            if started.is_ok() {
                park_until(engine.next_deadline());
            }
        }
    }
}

/// Runs all hooks, the async ones on the executor that awaits this. At the end the timer is dropped,
/// and its thread ends.
pub(in crate::hooks) async fn run_on_executor(engine: Arc<Engine>) {
    let mut timer = Timer::default();
    let _unstarted = Unstarted(&engine);
    engine.start();
    while let Some((time, hooks)) = engine.open_stage() {
        let is_blocking = |(_, hook): &NumberedHook| hook.kind == Kind::Blocking;
        let (blocking, polled): (Vec<_>, Vec<_>) = hooks.into_iter().partition(is_blocking);
        let workers = Workers::new(blocking, &engine, time, HookRuntime::current());
        let mut stage = PolledStage::open(&engine, workers, polled);
        poll_fn(|cx| stage.poll(cx, &mut timer)).await;
    }
}

/// If a run is cancelled, the stages that have not started are dropped with it.
struct Unstarted<'a>(&'a Engine);

impl Drop for Unstarted<'_> {
    fn drop(&mut self) {
        self.0.drop_stages();
    }
}

/// A stage whose async hooks are polled.
struct PolledStage<'a> {
    engine: &'a Arc<Engine>,
    workers: Arc<Workers>,
    /// The hooks that are about to be polled for the first time.
    unstarted: Vec<NumberedHook>,
    tasks: HashMap<usize, (Task, Waker)>,
    woken: Arc<Mutex<BTreeSet<usize>>>,
}

impl<'a> PolledStage<'a> {
    fn open(engine: &'a Arc<Engine>, workers: Arc<Workers>, unstarted: Vec<NumberedHook>) -> Self {
        let (tasks, woken) = (HashMap::new(), Arc::default());
        let mut stage = Self { engine, workers, unstarted, tasks, woken };
        let started = stage.workers.start(MAX_WORKERS);
        stage.poll_instead(started.is_err());
        stage
    }

    /// If the system refuses a thread, the blocking hooks run here, too. They may start late.
    fn poll_instead(&mut self, is_refused: bool) {
        if is_refused {
            self.unstarted.extend(self.workers.take_all());
        }
    }

    fn poll(&mut self, cx: &mut task::Context<'_>, timer: &mut Timer) -> Poll<()> {
        self.engine.set_driver(cx.waker().clone()); // P4 in `state`: first
        // A hook that wakes itself is polled again after the others, and after the deadlines.
        let woken = mem::take(&mut *lock(&self.woken));
        for number in woken {
            self.poll_task(number);
        }
        self.expire_deadlines();
        for hook in mem::take(&mut self.unstarted) {
            self.start(hook);
        }
        self.engine.tell();
        if self.engine.is_stage_over() {
            return Poll::Ready(());
        }
        if let Some(at) = self.engine.next_deadline() {
            timer.wake_at(at, self.engine);
        }
        Poll::Pending
    }

    /// Every hook is polled once, even if no time is left.
    fn start(&mut self, hook: NumberedHook) {
        let number = hook.0;
        if let Some(task) = Task::start(self.engine, hook, &self.workers.time, false) {
            let (engine, woken) = (Arc::clone(self.engine), Arc::clone(&self.woken));
            let waker = Waker::from(Arc::new(HookWaker { number, engine, woken }));
            self.tasks.insert(number, (task, waker));
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

    fn expire_deadlines(&mut self) {
        while let Some(number) = self.engine.pop_expired(Instant::now()) {
            if let Some((task, _)) = self.tasks.remove(&number) {
                task.end(None);
            } else {
                let started = self.workers.abandon(number);
                self.poll_instead(started.is_err());
            }
        }
    }
}

impl Drop for PolledStage<'_> {
    /// If a run is cancelled, the hooks that have not started never do.
    fn drop(&mut self) {
        drop(self.workers.take_all());
    }
}

/// Has the driver poll a hook.
struct HookWaker {
    number: usize,
    engine: Arc<Engine>,
    woken: Arc<Mutex<BTreeSet<usize>>>,
}

impl Wake for HookWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if lock(&self.woken).insert(self.number) {
            self.engine.wake_driver(); // P4 in `state`
        }
    }
}
