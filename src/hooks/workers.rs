//! Threads that run hooks, each one hook at a time, from its start to its end.

use std::collections::VecDeque;
use std::sync::Arc;
use std::{io, thread};

use super::budget::StageBudget;
use super::hook::{Kind, NumberedHook};
use super::progress::Progress;
use super::runtime::RuntimeHandle;
use super::task::Task;
use crate::util::sync::{Mutex, lock};

/// As many hooks of a stage run at once on threads. More would only wait for each other, and each
/// takes memory for its stack.
pub(super) const MAX_WORKERS: usize = 256;

/// The threads of one stage.
pub(super) struct Workers {
    /// The hooks that wait for a thread.
    waiting: Mutex<VecDeque<NumberedHook>>,
    progress: Arc<Progress>,
    budget: StageBudget,
    runtime: RuntimeHandle,
}

impl Workers {
    pub(super) fn new(
        hooks: impl IntoIterator<Item = NumberedHook>,
        progress: &Arc<Progress>,
        budget: StageBudget,
    ) -> Arc<Self> {
        Arc::new(Self {
            waiting: Mutex::new(hooks.into_iter().collect()),
            progress: Arc::clone(progress),
            budget,
            runtime: RuntimeHandle::current(),
        })
    }

    /// Starts threads while hooks wait for one, but not more than `most`. They end when none does.
    pub(super) fn start(self: &Arc<Self>, most: usize) -> io::Result<()> {
        for _ in (0..most).take_while(|_| !self.is_empty()) {
            let workers = Arc::clone(self);
            let thread = thread::Builder::new().name("signoff-hook".into());
            thread.spawn(move || workers.work())?;
        }
        Ok(())
    }

    /// Takes all hooks that still wait, the blocking ones last.
    pub(super) fn take_all(&self) -> Vec<NumberedHook> {
        let mut hooks = Vec::from(std::mem::take(&mut *lock(&self.waiting)));
        hooks.sort_by_key(|(_, hook)| hook.kind == Kind::Blocking);
        hooks
    }

    fn is_empty(&self) -> bool {
        lock(&self.waiting).is_empty()
    }

    fn pop(&self) -> Option<NumberedHook> {
        lock(&self.waiting).pop_front()
    }

    fn work(&self) {
        let _entered = self.runtime.enter();
        while let Some((number, hook)) = self.pop() {
            let task = Task::start(&self.progress, number, hook, &self.budget, true);
            task.into_iter().for_each(Task::block_on);
        }
    }
}
