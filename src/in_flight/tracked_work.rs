//! The in-flight work that the hook on this thread waits for, so that the report can name what remains.

use std::cell::RefCell;
use std::sync::Arc;

use crate::in_flight::{InFlight, InFlightEntry, TaskPanicked};
use crate::util::sync::{Mutex, lock};

/// The in-flight work that one hook has waited for.
#[derive(Default)]
pub(crate) struct TrackedWork(Mutex<Vec<InFlight>>);

impl TrackedWork {
    /// Returns what is still in flight, the oldest of each [`InFlight`] first.
    pub(crate) fn entries(&self) -> Vec<InFlightEntry> {
        let all = lock(&self.0).clone();
        all.iter().flat_map(InFlight::entries).collect()
    }

    /// Returns the first panic of a tracked task among that work.
    pub(crate) fn panicked(&self) -> Option<TaskPanicked> {
        let all = lock(&self.0).clone();
        all.iter().find_map(InFlight::panicked)
    }
}

thread_local! {
    /// Not accessible while the thread ends: a wait in there belongs to no hook.
    static CURRENT: RefCell<Option<Arc<TrackedWork>>> = const { RefCell::new(None) };
}

/// Runs `f` as a part of the hook that `work` belongs to.
pub(crate) fn in_hook<T>(work: &Arc<TrackedWork>, f: impl FnOnce() -> T) -> T {
    /// Restores the outer hook even if `f` panics.
    struct Restore(Option<Arc<TrackedWork>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            let _ = CURRENT.try_with(|current| current.replace(self.0.take()));
        }
    }
    let before = CURRENT.try_with(|current| current.replace(Some(Arc::clone(work))));
    let _restore = Restore(before.unwrap_or(None));
    f()
}

/// Returns whether a hook runs on this thread right now.
pub(crate) fn is_in_hook() -> bool {
    CURRENT.try_with(|current| current.borrow().is_some()).unwrap_or(false)
}

/// Records that the hook on this thread, if there is one, waits for `work`.
pub(crate) fn record_wait(work: &InFlight) {
    let current = CURRENT.try_with(|current| current.borrow().clone());
    if let Ok(Some(tracked)) = current {
        let mut known = lock(&tracked.0);
        if !known.iter().any(|other| Arc::ptr_eq(&other.0, &work.0)) {
            known.push(work.clone());
        }
    }
}
