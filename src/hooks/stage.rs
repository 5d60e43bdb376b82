//! A stage before it starts: hooks, and sets whose hooks run beside them.

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

/// Takes the hooks of a stage that starts, and closes its sets.
pub(super) fn open(stage: Stage, number: usize) -> Vec<(HookId, Hook)> {
    let of_entry = |(place, entry): (usize, Entry)| {
        let id = entry.id(number, place);
        entry.open().into_iter().map(move |hook| (id(&hook.name), hook))
    };
    stage.into_iter().enumerate().flat_map(of_entry).collect()
}

/// Returns which hooks wait in a stage that has not started.
pub(super) fn ids(stage: &Stage, number: usize) -> Vec<HookId> {
    let of_entry = |(place, entry): (usize, &Entry)| {
        let id = entry.id(number, place);
        entry.names().into_iter().map(move |name| id(&name))
    };
    stage.iter().enumerate().flat_map(of_entry).collect()
}

/// The most that a stage can need, if that is known of all its hooks.
pub(super) fn longest(stage: &Stage) -> Option<Duration> {
    let limits: Option<Vec<_>> = stage.iter().map(Entry::longest).collect();
    limits?.into_iter().max()
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
