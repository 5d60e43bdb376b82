//! Work that must finish before the process exits: counted, waited for, and named in the report.
//!
//! [`InFlight`] counts the work. [`InFlight::enter`] returns a guard for it, [`InFlight::track`]
//! wraps a task, and [`InFlight::drained`] waits until nothing remains.
//!
//! Inside, `tracked_work` is what one hook has waited for, so that the report can name what remains.

mod drained;
mod entry;
mod guard;
mod task;
pub(crate) mod tracked_work;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::mem;
use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

pub use drained::Drained;
pub use entry::InFlightEntry;
pub use guard::InFlightGuard;
pub use task::TaskPanicked;

use crate::util::panic::catch_panic;
use crate::util::sync::{Mutex, lock};

/// Tracks work that must finish before the process exits.
///
/// If a hook times out while it waits for [`drained`](Self::drained), the report lists the work
/// that remains.
///
/// ```
/// use signoff::{Hooks, InFlight};
///
/// let in_flight = InFlight::new();
///
/// let guard = in_flight.enter("GET /report"); // counts until it is dropped
/// assert_eq!(in_flight.count(), 1);
/// # drop(guard);
///
/// # futures_lite::future::block_on(async {
/// let report = Hooks::new().hook("requests", move || in_flight.drained()).run().await;
/// assert!(report.is_clean());
/// # });
/// ```
///
/// All clones share one count. Counting takes one short lock, and a literal name is not copied.
#[derive(Clone, Default)]
pub struct InFlight {
    state: Arc<Mutex<State>>,
}

// Invariants
//
// F1  `running` holds one entry for each guard. No key is used twice.
// F2  Removing the last entry wakes every waker in `waiting`. A waiter checks `running` and stores
//     its waker under the same lock.
// F3  No waker is cloned, woken or dropped under the lock, and no name is dropped there.
// F4  A panic is recorded before the entry of its task is removed.

#[derive(Default)]
struct State {
    running: BTreeMap<u64, (Cow<'static, str>, Instant)>,
    waiting: BTreeMap<u64, Waker>,
    last_key: u64,
    panicked: Option<TaskPanicked>,
}

impl State {
    fn new_key(&mut self) -> u64 {
        self.last_key += 1;
        self.last_key
    }
}

impl InFlight {
    /// Creates a counter with nothing in flight.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts a piece of work until the returned guard is dropped.
    ///
    /// The guard does not record how the work ends. If a panic must fail the shutdown,
    /// use [`track`](Self::track).
    pub fn enter(&self, name: impl Into<Cow<'static, str>>) -> InFlightGuard {
        let entry = (name.into(), Instant::now());
        let mut state = lock(&self.state);
        let key = state.new_key();
        state.running.insert(key, entry); // F1
        drop(state);
        InFlightGuard::new(self.clone(), key)
    }

    /// Returns how many pieces of work are in flight.
    #[must_use]
    pub fn count(&self) -> usize {
        lock(&self.state).running.len()
    }

    /// Returns what is in flight, the oldest first.
    #[must_use]
    pub fn entries(&self) -> Vec<InFlightEntry> {
        let running = lock(&self.state).running.clone();
        running.into_values().map(|(name, since)| InFlightEntry::new(name, since)).collect()
    }

    /// Returns a future that resolves when nothing is in flight. It can be used as a
    /// [hook](crate::Hooks::hook); threads call its [`wait`](Drained::wait).
    ///
    /// New work delays it, so first stop what starts new work. If a hook times out while it waits
    /// for this future, the report lists what remains in flight.
    pub fn drained(&self) -> Drained {
        Drained::new(self.clone())
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.state, &other.state)
    }

    fn remove(&self, key: u64) {
        let mut state = lock(&self.state);
        let entry = state.running.remove(&key);
        let is_last = state.running.is_empty();
        let waiting = if is_last { mem::take(&mut state.waiting) } else { BTreeMap::new() };
        drop(state);
        drop(entry); // F3
        for waker in waiting.into_values() {
            // A waker that panics must not stop the others from waking (F2, F3).
            let _ = catch_panic(|| waker.wake());
        }
    }
}

impl fmt::Debug for InFlight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InFlight").field("entries", &self.entries()).finish()
    }
}
