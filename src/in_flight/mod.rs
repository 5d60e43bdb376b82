//! Work that must finish before the process exits: counted, waited for, and named in the report.
//!
//! [`InFlight`] counts the work. [`InFlight::enter`] returns a guard for it, [`InFlight::track`]
//! wraps a task, and [`InFlight::drained`] waits until nothing remains.
//!
//! Counting is on the path of every request, so the count is split into shards. A guard uses its own
//! shard and nothing else. To read the whole count takes the locks of all shards at once. While a
//! [`Drained`] waits, the guard that empties a shard reads the whole count too.

#[cfg(all(test, loom))]
#[path = "../../tests/models/in_flight.rs"]
mod models;
mod task;
pub(crate) mod tracked_work;

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

pub use task::TaskPanicked;

use crate::util::block_on::block_on;
use crate::util::human_duration::HumanDuration;
use crate::util::panic::wake;
use crate::util::slab::{SHARDS, Slab, shard_of_this_thread};
use crate::util::sync::{Mutex, MutexGuard, lock};

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
/// All clones share one count. Threads do not contend for it, and a literal name is not copied.
#[doc(alias("TaskTracker", "WaitGroup"))]
#[derive(Clone, Default)]
pub struct InFlight(Arc<Shared>);

// Invariants
//
// F1  A slot of `work` is one piece of work, from `enter` until its last guard is dropped: `guards`
//     counts them. It stays in the shard of the thread that called `enter`.
// F2  A slot of `waiting` belongs to one `Drained`. A waker is put there under the locks of all shards,
//     if work runs, and then every shard has `watched_by`.
// F3  The last guard wakes every waker in `waiting`. It empties its shard either before the waiter has
//     all locks, so the waiter sees that nothing runs, or after, so the guard sees `watched_by` and
//     takes all locks itself. If several shards become empty, the last guard to take its lock sees
//     all of them empty. The locks order everything: there are no atomics.
// F4  No waker is cloned, woken or dropped under a lock. No name is rendered or dropped there.
// F5  A panic is recorded before the guard of its task is dropped.
// F6  The locks of shards are taken in their order, then that of `waiting`. A thread that has one
//     of these does not begin from the start.

#[derive(Default)]
struct Shared {
    shards: [Arc<Shard>; SHARDS],
    waiting: Mutex<Slab<Option<Waker>>>,
    panicked: Mutex<Option<TaskPanicked>>,
}

/// On a cache line of its own. It has a count of references of its own too: two threads that cloned
/// one `Arc` would contend for that.
#[derive(Default)]
#[repr(align(64))]
struct Shard(Mutex<State>);

#[derive(Default)]
struct State {
    work: Slab<Work>,
    /// How many slots of `work` are full.
    running: usize,
    /// What to wake when nothing runs. Dangling while there is no waiter.
    watched_by: Weak<Shared>,
}

struct Work {
    name: Name,
    since: Instant,
    guards: usize,
}

/// The name of a piece of work, as it is kept while the work runs.
#[derive(Clone)]
pub(crate) enum Name {
    Text(Cow<'static, str>),
    #[cfg(all(any(unix, windows), feature = "http"))]
    Request(http::Method, http::uri::PathAndQuery),
}

impl Name {
    /// Returns the text, which may have to be rendered.
    pub(crate) fn into_text(self) -> Cow<'static, str> {
        match self {
            Self::Text(text) => text,
            #[cfg(all(any(unix, windows), feature = "http"))]
            Self::Request(method, path) => crate::http::text(&method, path.path()).into(),
        }
    }
}

impl InFlight {
    /// Creates a counter with nothing in flight.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts a piece of work until the returned guard, and every clone of it, is dropped.
    ///
    /// The guard does not record how the work ends. If a panic must fail the shutdown,
    /// use [`track`](Self::track).
    pub fn enter(&self, name: impl Into<Cow<'static, str>>) -> InFlightGuard {
        self.enter_named(Name::Text(name.into()))
    }

    #[expect(clippy::inline_always, reason = "the name is then written straight to its slot")]
    #[inline(always)]
    pub(crate) fn enter_named(&self, name: Name) -> InFlightGuard {
        let shard = Arc::clone(&self.0.shards[shard_of_this_thread()]);
        let since = Instant::now();
        let mut state = lock(&shard.0);
        let slot = state.work.insert(Work { name, since, guards: 1 }); // F1
        state.running += 1;
        drop(state);
        InFlightGuard { shard, slot }
    }

    /// Returns how many pieces of work are in flight.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.lock_all().iter().map(|state| state.running).sum()
    }

    /// Returns what is in flight, the oldest first.
    #[must_use]
    pub fn entries(&self) -> Vec<InFlightEntry> {
        let mut entries = Vec::new();
        for state in &mut self.0.lock_all() {
            entries.extend(state.work.iter_mut().map(|work| (work.name.clone(), work.since)));
        }
        entries.sort_by_key(|(_, since)| *since);
        let entry = |(name, since): (Name, Instant)| {
            InFlightEntry { name: name.into_text(), running_for: since.elapsed() } // F4
        };
        entries.into_iter().map(entry).collect()
    }

    /// Returns a future that resolves when nothing is in flight. It can be used as a
    /// [hook](crate::Hooks::hook); threads call its [`wait`](Drained::wait).
    ///
    /// New work delays it, so first stop what starts new work. If a hook times out while it waits
    /// for this future, the report lists what remains in flight.
    #[doc(alias = "drain")]
    pub fn drained(&self) -> Drained {
        Drained { work: self.clone(), slot: None }
    }
}

impl fmt::Debug for InFlight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InFlight").field("entries", &self.entries()).finish()
    }
}

impl Shared {
    /// The state of all shards at one moment. One after the other would not do: work may go on in
    /// a shard that was empty, before it ends in one that was not.
    fn lock_all(&self) -> [MutexGuard<'_, State>; SHARDS] {
        self.shards.each_ref().map(|shard| lock(&shard.0)) // F6
    }

    /// Wakes all waiters if nothing is in flight. Called when a shard has become empty.
    #[cold]
    fn wake_if_drained(&self) {
        let mut shards = self.lock_all();
        let mut waiting = lock(&self.waiting);
        let mut wakers = Vec::new();
        if is_empty(&shards) {
            wakers.extend(waiting.iter_mut().filter_map(Option::take));
        }
        if waiting.iter_mut().all(|waker| waker.is_none()) {
            watch(&mut shards, &Weak::new());
        }
        drop((waiting, shards)); // F4
        wakers.into_iter().for_each(wake);
    }
}

fn watch(shards: &mut [MutexGuard<'_, State>], watched_by: &Weak<Shared>) {
    for state in shards {
        state.watched_by.clone_from(watched_by);
    }
}

fn is_empty(shards: &[MutexGuard<'_, State>]) -> bool {
    shards.iter().all(|state| state.running == 0)
}

/// Counts a piece of work until it is dropped. [`InFlight::enter`] returns it.
///
/// Clones count as one piece of work, which ends with the last of them.
#[must_use = "the work counts until the guard is dropped"]
pub struct InFlightGuard {
    shard: Arc<Shard>,
    slot: usize,
}

impl InFlightGuard {
    fn name(&self) -> Cow<'static, str> {
        let name = lock(&self.shard.0).work.get_mut(self.slot).map(|work| work.name.clone());
        name.map(Name::into_text).unwrap_or_default() // F1: it is there
    }
}

impl Clone for InFlightGuard {
    fn clone(&self) -> Self {
        let mut state = lock(&self.shard.0);
        state.work.get_mut(self.slot).into_iter().for_each(|work| work.guards += 1); // F1
        drop(state);
        Self { shard: Arc::clone(&self.shard), slot: self.slot }
    }
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        let mut state = lock(&self.shard.0);
        let Some(work) = state.work.get_mut(self.slot) else { return };
        if work.guards > 1 {
            work.guards -= 1;
            return;
        }
        let work = state.work.remove(self.slot);
        state.running -= 1;
        // Without a waiter it is dangling. An upgrade of the real one would contend.
        let watched_by = if state.running == 0 { state.watched_by.upgrade() } else { None };
        drop(state);
        drop(work); // F4
        if let Some(shared) = watched_by {
            shared.wake_if_drained();
        }
    }
}

impl fmt::Debug for InFlightGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("InFlightGuard").field(&self.name()).finish()
    }
}

/// Resolves when nothing is in flight. [`InFlight::drained`] returns it.
///
/// # Cancel safety
///
/// Dropping this future loses nothing.
#[must_use = "futures do nothing unless polled"]
#[derive(Debug)]
pub struct Drained {
    work: InFlight,
    /// The place of its waker in `waiting` (F2).
    slot: Option<usize>,
}

impl Drained {
    /// Blocks this thread until nothing is in flight.
    pub fn wait(self) {
        block_on(self, None);
    }

    /// Blocks this thread until nothing is in flight. Returns `false` on timeout.
    #[must_use]
    pub fn wait_timeout(self, timeout: Duration) -> bool {
        block_on(self, Instant::now().checked_add(timeout)).is_some()
    }
}

impl Future for Drained {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // Recorded even if nothing is in flight: a tracked task may have panicked before.
        tracked_work::record_wait(&self.work);
        let mut waker = Some(cx.waker().clone()); // F4: dropped after the locks
        let Self { work, slot } = &mut *self;
        let mut shards = work.0.lock_all();
        if is_empty(&shards) {
            return Poll::Ready(());
        }
        let mut waiting = lock(&work.0.waiting);
        let slot = *slot.get_or_insert_with(|| waiting.insert(None));
        waiting.get_mut(slot).into_iter().for_each(|place| mem::swap(place, &mut waker));
        watch(&mut shards, &Arc::downgrade(&work.0)); // F2
        Poll::Pending
    }
}

impl Drop for Drained {
    fn drop(&mut self) {
        let waker = self.slot.and_then(|slot| lock(&self.work.0.waiting).remove(slot));
        drop(waker); // F4: the lock is released by now
    }
}

/// A piece of work in flight: its name, and how long it has been running.
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
    /// Returns the name of the work.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns how long the work had been running when this entry was created.
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
