//! Counts the work that a shutdown has to wait for.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::block_on;
use crate::human_duration::HumanDuration;
use crate::sync::{Mutex, lock};
use crate::tracked_work::record_wait;

/// Counts work that is under way, so that a shutdown can wait for it, and name what it waited for
/// in vain.
///
/// ```
/// use signoff::{Hooks, InFlight};
///
/// let in_flight = InFlight::new();
///
/// let guard = in_flight.enter("GET /report"); // until it is dropped
/// assert_eq!(in_flight.count(), 1);
/// # drop(guard);
///
/// # futures_lite::future::block_on(async {
/// let report = Hooks::new().hook("requests", move || in_flight.drained()).run().await;
/// assert!(report.is_clean());
/// # });
/// ```
///
/// Clones count together. A count is one short lock, and a name that is a literal is not copied.
#[derive(Clone, Default)]
pub struct InFlight {
    shared: Arc<Mutex<State>>,
}

// Invariants
//
// F1  `open` holds one entry for each guard, under a key that is never given out again.
// F2  Whoever takes the last entry out wakes everybody in `waiting`; a waiter looks at `open` under
//     the lock under which it leaves its waker.
// F3  No waker is cloned, woken or dropped under the lock, and no name is.

#[derive(Default)]
struct State {
    open: BTreeMap<u64, (Cow<'static, str>, Instant)>,
    waiting: BTreeMap<u64, Waker>,
    next: u64,
}

impl State {
    fn key(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

impl InFlight {
    /// Nothing is under way yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts a piece of work until the guard is dropped.
    pub fn enter(&self, name: impl Into<Cow<'static, str>>) -> InFlightGuard {
        let entry = (name.into(), Instant::now());
        let mut state = lock(&self.shared);
        let key = state.key();
        state.open.insert(key, entry); // F1
        drop(state);
        InFlightGuard { work: self.clone(), key }
    }

    /// How many pieces of work are under way.
    #[must_use]
    pub fn count(&self) -> usize {
        lock(&self.shared).open.len()
    }

    /// What is under way, the oldest first.
    #[must_use]
    pub fn entries(&self) -> Vec<InFlightEntry> {
        let entries = lock(&self.shared).open.clone();
        let named = |(name, since): (Cow<'static, str>, Instant)| InFlightEntry {
            name,
            running_for: since.elapsed(),
        };
        entries.into_values().map(named).collect()
    }

    /// Waits until nothing is under way: a future, made to be a [hook](crate::Hooks::hook), and
    /// with [`wait`](Drained::wait) for threads.
    ///
    /// It waits for what is under way at the time, so first stop what begins new work. Where a
    /// hook waits for it in vain, the report names what is still open.
    pub fn drained(&self) -> Drained {
        Drained { work: self.clone(), key: None }
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    fn remove(&self, key: u64) {
        let mut state = lock(&self.shared);
        let entry = state.open.remove(&key);
        let is_last = state.open.is_empty();
        let waiting = if is_last { mem::take(&mut state.waiting) } else { BTreeMap::new() };
        drop(state);
        drop(entry); // F3
        waiting.into_values().for_each(Waker::wake); // F2, F3
    }
}

impl fmt::Debug for InFlight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InFlight").field("open", &self.entries()).finish()
    }
}

/// A piece of work that is under way, until this is dropped.
#[must_use = "the work counts until the guard is dropped"]
pub struct InFlightGuard {
    work: InFlight,
    key: u64,
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        self.work.remove(self.key);
    }
}

impl fmt::Debug for InFlightGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = lock(&self.work.shared).open.get(&self.key).map(|(name, _)| name.clone());
        f.debug_tuple("InFlightGuard").field(&name.unwrap_or_default()).finish()
    }
}

/// A piece of work that is under way: its name, and for how long.
///
/// ```
/// let in_flight = signoff::InFlight::new();
/// let _guard = in_flight.enter("GET /report");
/// assert!(in_flight.entries()[0].to_string().starts_with("GET /report ("));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InFlightEntry {
    name: Cow<'static, str>,
    running_for: Duration,
}

impl InFlightEntry {
    /// The name that it was given.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How long it had been under way.
    #[must_use]
    pub fn running_for(&self) -> Duration {
        self.running_for
    }
}

impl fmt::Display for InFlightEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, HumanDuration(self.running_for))
    }
}

/// Waits until nothing is under way. [`InFlight::drained`] makes it.
///
/// # Cancel safety
///
/// Dropping it loses nothing and leaves nothing behind.
#[must_use = "futures do nothing unless polled"]
pub struct Drained {
    work: InFlight,
    key: Option<u64>,
}

impl Drained {
    /// Blocks this thread until nothing is under way.
    pub fn wait(self) {
        block_on::block_on(self, None);
    }

    /// Blocks this thread until nothing is under way, for `timeout` at the most. Whether it came
    /// to that.
    #[must_use]
    pub fn wait_timeout(self, timeout: Duration) -> bool {
        block_on::block_on(self, Instant::now().checked_add(timeout)).is_some()
    }
}

impl Future for Drained {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let waker = cx.waker().clone();
        let (key, mut state) = (self.key, lock(&self.work.shared));
        if state.open.is_empty() {
            drop(state);
            return Poll::Ready(());
        }
        let key = key.unwrap_or_else(|| state.key());
        let old = state.waiting.insert(key, waker); // F2
        drop(state);
        drop(old); // F3
        self.key = Some(key);
        record_wait(&self.work);
        Poll::Pending
    }
}

impl Drop for Drained {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            let waker = lock(&self.work.shared).waiting.remove(&key);
            drop(waker); // F3
        }
    }
}

impl fmt::Debug for Drained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Drained").field(&self.work).finish()
    }
}
