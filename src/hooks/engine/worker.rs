//! A thread that runs hooks, one after the other, each from its start to its end.
//!
//! A thread starts for each hook of a stage that still waits for one, but at most [`MAX_WORKERS`] run at
//! once. A thread that has ended its hook takes the next one that waits. A thread waits until its hook
//! is ready or the deadline has passed, and drops the hook. Nothing can stop a thread that is blocked in
//! its hook. The driver then gives up the hook, and another thread takes the place of this one.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{self, Poll};
use std::{io, mem, thread};

use super::NumberedHook;
use super::runtime::HookRuntime;
use super::stages::{Deadline, StageTime};
use super::state::Engine;
use crate::hooks::hook::{HookContext, HookFuture, Kind};
use crate::hooks::report::Outcome;
use crate::in_flight::tracked_work::{TrackedWork, in_hook};
use crate::util::panic::catch_panic;
use crate::util::sync::{AtomicUsize, Mutex, Ordering, lock};

// Invariants
//
// H1  A hook's future is dropped before the hook has ended, unless a thread is blocked in it. So what
//     the hook owned is free before the next stage opens.
// H2  The program's own code (hooks, their futures, the drops of those) runs under `catch_panic`.

/// The most hooks of a stage that run at once on threads. More would only wait for each other, and each
/// takes memory for its stack.
pub(super) const MAX_WORKERS: usize = 256;

/// If so many hooks of a stage block their threads, no thread replaces theirs: the process has a limit.
const MAX_BLOCKED: usize = 1024;

/// The threads of one stage.
pub(super) struct Workers {
    /// The hooks that wait for a thread.
    waiting: Mutex<VecDeque<NumberedHook>>,
    engine: Arc<Engine>,
    pub(super) time: StageTime,
    runtime: HookRuntime,
    /// How many hooks block their threads after their deadlines.
    blocked: AtomicUsize,
}

impl Workers {
    pub(super) fn new(
        hooks: impl IntoIterator<Item = NumberedHook>,
        engine: &Arc<Engine>,
        time: StageTime,
        runtime: HookRuntime,
    ) -> Arc<Self> {
        Arc::new(Self {
            waiting: Mutex::new(hooks.into_iter().collect()),
            engine: Arc::clone(engine),
            time,
            runtime,
            blocked: AtomicUsize::new(0),
        })
    }

    /// Starts a thread for each hook that waits for one, but not more than `most`. It starts fewer if
    /// the first threads have taken the other hooks meanwhile.
    pub(super) fn start(self: &Arc<Self>, most: usize) -> io::Result<()> {
        let hooks = lock(&self.waiting).len();
        for _ in 0..hooks.min(most) {
            if lock(&self.waiting).is_empty() {
                break;
            }
            let workers = Arc::clone(self);
            let thread = thread::Builder::new().name("signoff-hook".into());
            thread.spawn(move || workers.work())?;
        }
        Ok(())
    }

    /// Runs the hooks that wait on this thread.
    pub(super) fn work(&self) {
        let _entered = self.runtime.enter();
        while let Some(hook) = self.pop() {
            if let Some(task) = Task::start(&self.engine, hook, &self.time, true) {
                task.block_on(&self.runtime);
            }
        }
    }

    /// Takes none after the report: the process is about to exit, and drops take time.
    fn pop(&self) -> Option<NumberedHook> {
        if self.engine.is_closed() { None } else { lock(&self.waiting).pop_front() }
    }

    /// Takes all hooks that still wait, the blocking ones last.
    pub(super) fn take_all(&self) -> Vec<NumberedHook> {
        let mut hooks = Vec::from(mem::take(&mut *lock(&self.waiting)));
        hooks.sort_by_key(|(_, hook)| hook.kind == Kind::Blocking);
        hooks
    }

    /// Puts the hooks that wait in the order in which one thread runs them: the blocking ones last.
    pub(super) fn put_blocking_last(&self) {
        let hooks = self.take_all();
        lock(&self.waiting).extend(hooks);
    }

    /// Gives up a hook that blocks its thread. Another thread takes over, within bounds.
    pub(super) fn abandon(self: &Arc<Self>, number: usize) -> io::Result<()> {
        self.engine.end_hook(number, Outcome::Abandoned);
        // Relaxed: only the driver counts.
        let blocked = self.blocked.fetch_add(1, Ordering::Relaxed) + 1;
        if blocked < MAX_BLOCKED {
            return self.start(1);
        }
        for (number, hook) in self.take_all() {
            self.engine.end_hook(number, Outcome::NotStarted);
            mem::forget(hook); // a drop would be code of the program, on the driver's thread
        }
        Ok(())
    }
}

/// A hook that runs.
pub(super) struct Task {
    engine: Arc<Engine>,
    number: usize,
    kind: Kind,
    deadline: Deadline,
    future: HookFuture,
    tracked: Arc<TrackedWork>,
}

impl Task {
    /// Starts a hook. `None` if it has ended already, or must not start any more.
    pub(super) fn start(
        engine: &Arc<Engine>,
        (number, hook): NumberedHook,
        time: &StageTime,
        is_threaded: bool,
    ) -> Option<Self> {
        let started = engine.start_hook(number, &hook, time, is_threaded);
        let (kind, start) = (hook.kind, hook.start);
        let Some((deadline, tracked)) = started else {
            let _ = catch_panic(|| drop(start)); // H2
            return None;
        };
        let context = HookContext { reason: engine.reason().cloned(), deadline: deadline.at };
        let future = {
            let _span = engine.span.enter();
            in_hook(&tracked, || catch_panic(|| start(context)))
        };
        match future {
            Ok(future) => {
                let engine = Arc::clone(engine);
                Some(Self { engine, number, kind, deadline, future, tracked })
            }
            Err(panic) => {
                engine.end_hook(number, Outcome::Panicked(panic));
                engine.tell();
                None
            }
        }
    }

    pub(super) fn poll(&mut self, cx: &mut task::Context<'_>) -> Poll<Outcome> {
        let _span = self.engine.span.enter();
        let future = self.future.as_mut();
        in_hook(&self.tracked, || catch_panic(|| future.poll(cx)))
            .unwrap_or_else(|panic| Poll::Ready(Outcome::Panicked(panic)))
    }

    /// Blocks this thread until the hook has ended or its deadline has passed.
    fn block_on(mut self, runtime: &HookRuntime) {
        let deadline = self.deadline.at;
        let outcome = runtime.block_on(poll_fn(|cx| self.poll(cx)), deadline);
        self.end(outcome);
    }

    /// Drops the hook (H1). Without an outcome, its deadline has passed.
    pub(super) fn end(self, outcome: Option<Outcome>) {
        let Self { engine, number, kind, deadline, future, tracked } = self;
        let dropped = {
            let _span = engine.span.enter();
            in_hook(&tracked, || catch_panic(|| drop(future)))
        };
        let outcome = outcome.unwrap_or_else(|| kind.at_deadline(deadline.is_own));
        engine.end_hook(number, dropped.map_or_else(Outcome::Panicked, |()| outcome));
        engine.tell();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Hooks;

    #[test]
    fn a_hook_that_waits_for_a_thread_is_not_dropped_after_the_report() {
        let engine = Engine::now(Hooks::new().hook("waits", async || {}));
        let (time, hooks) = engine.open_stage().unwrap();
        let workers = Workers::new(hooks, &engine, time, HookRuntime::current());
        let _report = engine.close();
        workers.work();
        assert_eq!(workers.take_all().len(), 1);
    }
}
