//! The stages before they start: hooks, and sets whose hooks run beside them.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::hook::{Hook, TimeLimit};
use super::hook_id::HookId;
use super::hook_set::HookSet;

/// Hooks that run at the same time.
pub(super) type Stage = Vec<Entry>;

/// What was added to a stage.
pub(super) enum Entry {
    Hook(Hook),
    /// The limit is that of each hook in the set.
    Set(HookSet, TimeLimit),
}

/// The stages that have not started.
#[derive(Default)]
pub(super) struct Stages {
    waiting: VecDeque<Stage>,
    /// The number of the next stage that has hooks.
    number: usize,
}

impl Stages {
    pub(super) fn new(mut waiting: VecDeque<Stage>) -> Self {
        waiting.retain(|stage| !stage.is_empty());
        Self { waiting, number: 1 }
    }

    /// Takes the hooks of the next stage that has any, and closes its sets.
    pub(super) fn open(&mut self) -> Option<Vec<(HookId, Hook)>> {
        loop {
            let number = self.number;
            let of_entry = |(place, entry): (usize, Entry)| {
                let id = entry.id(number, place);
                entry.open().into_iter().map(move |hook| (id(&hook.name), hook))
            };
            let stage = self.waiting.pop_front()?;
            let hooks: Vec<_> = stage.into_iter().enumerate().flat_map(of_entry).collect();
            if !hooks.is_empty() {
                self.number += 1;
                return Some(hooks);
            }
        }
    }

    /// Returns which hooks wait.
    pub(super) fn ids(&self) -> Vec<HookId> {
        let (mut number, mut ids) = (self.number, Vec::new());
        for stage in &self.waiting {
            let others = ids.len();
            for (place, entry) in stage.iter().enumerate() {
                ids.extend(entry.names().iter().map(entry.id(number, place)));
            }
            number += usize::from(ids.len() > others);
        }
        ids
    }

    /// Returns the most that each stage can need, if that is known of all its hooks.
    pub(super) fn longest(&self) -> impl ExactSizeIterator<Item = Option<Duration>> {
        self.waiting.iter().map(|stage| {
            let limits: Option<Vec<_>> = stage.iter().map(Entry::longest).collect();
            limits?.into_iter().max()
        })
    }

    #[cfg(all(any(unix, windows), feature = "__signal"))]
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

impl Entry {
    pub(super) fn set_limit(&mut self, new: TimeLimit) {
        match self {
            Self::Hook(Hook { limit, .. }) | Self::Set(_, limit) => *limit = new,
        }
    }

    fn longest(&self) -> Option<Duration> {
        match self {
            Self::Hook(Hook { limit, .. }) | Self::Set(_, limit) => limit.longest(),
        }
    }

    /// Returns what makes the identity of one of the hooks from its name.
    fn id(&self, stage: usize, place: usize) -> impl Fn(&Arc<str>) -> HookId + use<> {
        let set = matches!(self, Self::Set(..)).then_some(place);
        move |name| HookId { name: Arc::clone(name), stage, set }
    }

    fn open(self) -> Vec<Hook> {
        match self {
            Self::Hook(hook) => vec![hook],
            Self::Set(set, limit) => set.close().map(|hook| Hook { limit, ..hook }).collect(),
        }
    }

    fn names(&self) -> Vec<Arc<str>> {
        match self {
            Self::Hook(hook) => vec![Arc::clone(&hook.name)],
            Self::Set(set, _) => set.names(),
        }
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hook(hook) => hook.name.fmt(f),
            Self::Set(set, _) => set.fmt(f),
        }
    }
}
