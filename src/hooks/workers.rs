//! Threads that run hooks, each one hook at a time, from its start to its end.

use std::collections::VecDeque;
use std::sync::Arc;
use std::{io, thread};

use super::budget::StageBudget;
use super::hook::{Hook, Kind, NumberedHook};
use super::progress::Progress;
use super::ready_queue::ReadyQueue;
use super::runtime::RuntimeHandle;
use super::task::Task;
use crate::sync::{Mutex, lock};

/// As many hooks of a stage run at once on threads.
pub(super) const MAX_WORKERS: usize = 256;

/// The hooks of one stage that wait for a thread.
pub(super) struct StageQueue {
    hooks: Mutex<VecDeque<NumberedHook>>,
    progress: Arc<Progress>,
    budget: StageBudget,
    ready: Arc<ReadyQueue>,
    runtime: RuntimeHandle,
}

impl StageQueue {
    pub(super) fn new(
        hooks: impl IntoIterator<Item = NumberedHook>,
        progress: &Arc<Progress>,
        budget: StageBudget,
        ready: &Arc<ReadyQueue>,
    ) -> Arc<Self> {
        Arc::new(Self {
            hooks: Mutex::new(hooks.into_iter().collect()),
            progress: Arc::clone(progress),
            budget,
            ready: Arc::clone(ready),
            runtime: RuntimeHandle::current(),
        })
    }

    /// Starts threads while hooks wait for one, but not more than `most`. They end when none does.
    pub(super) fn start_workers(self: &Arc<Self>, most: usize) -> io::Result<()> {
        for _ in (0..most).take_while(|_| !self.is_empty()) {
            let queue = Arc::clone(self);
            let thread = thread::Builder::new().name("signoff-hook".into());
            thread.spawn(move || queue.work())?;
        }
        Ok(())
    }

    /// Takes all hooks that still wait, the blocking ones last.
    pub(super) fn take_all(&self) -> Vec<NumberedHook> {
        let mut hooks = Vec::from(std::mem::take(&mut *lock(&self.hooks)));
        hooks.sort_by_key(|(_, hook)| hook.kind == Kind::Blocking);
        hooks
    }

    fn is_empty(&self) -> bool {
        lock(&self.hooks).is_empty()
    }

    fn pop(&self) -> Option<NumberedHook> {
        lock(&self.hooks).pop_front()
    }

    fn work(&self) {
        let _entered = self.runtime.enter();
        while let Some((number, hook)) = self.pop() {
            self.run(number, hook);
        }
    }

    fn run(&self, number: usize, hook: Hook) {
        if let Some(task) = Task::start(&self.progress, number, hook, &self.budget, true) {
            if task.has_unseen_deadline() {
                self.ready.wake_driver(); // it only looks at the end of the stage
            }
            task.block_on();
        }
        if self.progress.is_stage_over() {
            self.ready.wake_driver();
        }
    }
}
