//! The stages that have not started, and how the budget is shared among them.
//!
//! A stage gets the time left, without the claims of the later stages. Each later stage claims its
//! fair share: the time left, divided by the stages left. If all its hooks have a limit, it claims no
//! more than the longest one. So a stage that hangs cannot starve the later ones, and time that a
//! stage does not use goes to them. A hook's deadline is its own limit or the end of its stage,
//! whichever comes first.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::hooks::hook::{Hook, HookId, TimeLimit};
use crate::hooks::hook_set::HookSet;

/// Hooks that run at the same time.
pub(in crate::hooks) type Stage = Vec<Entry>;

/// What was added to a stage.
pub(in crate::hooks) enum Entry {
    Hook(Hook),
    /// The limit is that of each hook in the set.
    Set(HookSet, TimeLimit),
}

/// The stages that have not started.
#[derive(Default)]
pub(super) struct Stages {
    waiting: VecDeque<Stage>,
    /// How many of them claim how much at most. `None` is a stage without a limit.
    claims: BTreeMap<Option<Duration>, u32>,
    /// The number of the last stage that had hooks, from 1.
    number: usize,
}

impl Stages {
    pub(super) fn new(mut waiting: VecDeque<Stage>) -> Self {
        waiting.retain(|stage| !stage.is_empty());
        let mut claims = BTreeMap::new();
        for stage in &waiting {
            *claims.entry(longest(stage)).or_default() += 1;
        }
        Self { waiting, claims, number: 0 }
    }

    /// Takes the hooks of the next stage that has any, and closes its sets.
    pub(super) fn open(&mut self) -> Option<Vec<(HookId, Hook)>> {
        loop {
            let number = self.number + 1;
            let stage = self.waiting.pop_front()?;
            self.remove_claim(&stage);
            let of_entry = |(place, entry): (usize, Entry)| {
                let id = entry.id(number, place);
                entry.open().into_iter().map(move |hook| (id(&hook.name), hook))
            };
            let hooks: Vec<_> = stage.into_iter().enumerate().flat_map(of_entry).collect();
            if !hooks.is_empty() {
                self.number = number;
                return Some(hooks);
            }
        }
    }

    /// The time of the stage that was just opened.
    pub(super) fn time(&self, deadline: Option<Instant>, now: Instant) -> StageTime {
        StageTime { end: deadline.map(|deadline| self.end(deadline, now)), deadline }
    }

    fn end(&self, deadline: Instant, now: Instant) -> Instant {
        let left = deadline.saturating_duration_since(now);
        let later: u32 = self.claims.values().sum();
        let fair = left / (later + 1);
        let claim = |(most, stages): (&Option<Duration>, &u32)| {
            most.map_or(fair, |most| most.min(fair)) * *stages
        };
        now + left.saturating_sub(self.claims.iter().map(claim).sum()) // not beyond the deadline
    }

    fn remove_claim(&mut self, stage: &Stage) {
        let most = longest(stage);
        if let Some(stages) = self.claims.get_mut(&most) {
            *stages -= 1;
            if *stages == 0 {
                self.claims.remove(&most);
            }
        }
    }

    /// Returns which hooks wait.
    pub(super) fn ids(&self) -> Vec<HookId> {
        let (mut number, mut ids) = (self.number, Vec::new());
        for stage in &self.waiting {
            let others = ids.len();
            for (place, entry) in stage.iter().enumerate() {
                ids.extend(entry.names().iter().map(entry.id(number + 1, place)));
            }
            number += usize::from(ids.len() > others);
        }
        ids
    }
}

/// Returns the longest limit of the hooks, or `None` if one of them has none.
fn longest(stage: &Stage) -> Option<Duration> {
    let limits: Option<Vec<_>> = stage.iter().map(|entry| entry.limit().longest()).collect();
    limits?.into_iter().max()
}

impl Entry {
    pub(in crate::hooks) fn set_limit(&mut self, new: TimeLimit) {
        match self {
            Self::Hook(Hook { limit, .. }) | Self::Set(_, limit) => *limit = new,
        }
    }

    fn limit(&self) -> TimeLimit {
        match self {
            Self::Hook(Hook { limit, .. }) | Self::Set(_, limit) => *limit,
        }
    }

    /// Returns a function from the name of one of its hooks to the identity of that hook.
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

/// The time of an open stage.
#[derive(Clone, Copy)]
pub(super) struct StageTime {
    /// When the stage is over; `None` is never.
    end: Option<Instant>,
    /// When all stages are over.
    deadline: Option<Instant>,
}

/// The end of a hook's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Deadline {
    pub(super) at: Option<Instant>,
    /// False if the stage ends before the hook's own limit, or if it has none.
    pub(super) is_own: bool,
}

impl StageTime {
    /// Returns the deadline of a hook that starts now.
    pub(super) fn deadline_of(&self, limit: TimeLimit, now: Instant) -> Deadline {
        let own = limit.longest().and_then(|limit| now.checked_add(limit));
        let most = match limit {
            TimeLimit::Exactly(_) => self.end_of_delay(own),
            _ => self.end,
        };
        match (own, most) {
            (Some(own), Some(most)) if own > most => Deadline { at: Some(most), is_own: false },
            (Some(_), _) => Deadline { at: own, is_own: true },
            (None, _) => Deadline { at: most, is_own: false },
        }
    }

    /// A delay may use what later stages claim, but not all of it.
    fn end_of_delay(&self, own: Option<Instant>) -> Option<Instant> {
        match (own, self.deadline) {
            (Some(own), Some(deadline)) if own < deadline => self.deadline,
            _ => self.end,
        }
    }
}
