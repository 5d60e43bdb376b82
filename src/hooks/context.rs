//! What a hook is told, and what is known about the hook that runs on this thread.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::in_flight::{InFlight, InFlightEntry};
use crate::reason::Reason;
use crate::sync::{Mutex, lock};

/// What a hook is told: why the process ends, and how long the hook has.
#[derive(Clone)]
pub struct HookContext {
    pub(super) reason: Option<Reason>,
    pub(super) deadline: Option<Instant>,
    pub(super) waits: Arc<Waits>,
}

impl HookContext {
    /// Why the process ends; `None` where the hooks were [`run`](crate::Hooks::run) without a
    /// signal.
    #[must_use]
    pub fn reason(&self) -> Option<&Reason> {
        self.reason.as_ref()
    }

    /// When this hook is given up; `None` where the budget has no limit.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// How long this hook has from now on; [`Duration::MAX`] where the budget has no limit.
    #[must_use]
    pub fn time_left(&self) -> Duration {
        self.deadline
            .map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()))
    }
}

impl fmt::Debug for HookContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HookContext")
            .field("reason", &self.reason)
            .field("time_left", &self.time_left())
            .finish_non_exhaustive()
    }
}

/// The work that a hook has waited for: whatever of it is still open at the limit is named.
#[derive(Default)]
pub(super) struct Waits(Mutex<Vec<InFlight>>);

impl Waits {
    /// What is open of it, the oldest first.
    pub(super) fn open(&self) -> Vec<InFlightEntry> {
        let all = lock(&self.0).clone();
        all.iter().flat_map(InFlight::entries).collect()
    }

    fn add(&self, work: &InFlight) {
        let mut known = lock(&self.0);
        if !known.iter().any(|other| other.is_same(work)) {
            known.push(work.clone());
        }
    }
}

thread_local! {
    /// Gone while the thread ends: what waits there is of no hook.
    static CURRENT: RefCell<Option<Arc<Waits>>> = const { RefCell::new(None) };
}

/// Runs `f` as a part of the hook that `waits` belongs to.
pub(super) fn in_hook<T>(waits: &Arc<Waits>, f: impl FnOnce() -> T) -> T {
    /// Also after a panic.
    struct Restore(Option<Arc<Waits>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            let _ = CURRENT.try_with(|current| current.replace(self.0.take()));
        }
    }
    let before = CURRENT.try_with(|current| current.replace(Some(Arc::clone(waits))));
    let _restore = Restore(before.unwrap_or(None));
    f()
}

/// Whether a hook runs on this thread right now.
#[allow(dead_code, reason = "only the guard of the feature `blocking` asks")]
pub(super) fn is_in_hook() -> bool {
    CURRENT.try_with(|current| current.borrow().is_some()).unwrap_or(false)
}

/// The hook that runs on this thread, if one does, waits for `work`.
pub(crate) fn waits_for(work: &InFlight) {
    let current = CURRENT.try_with(|current| current.borrow().clone());
    if let Ok(Some(waits)) = current {
        waits.add(work);
    }
}
