//! The wakers that are registered with a latch: slabs, one for each group of threads.

use std::cell::Cell;
use std::mem;
use std::panic::{self, AssertUnwindSafe};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Waker;

use crate::util::sync::{Mutex, lock};

/// Threads take turns at the slabs, so two threads rarely contend for a lock.
const SHARDS: usize = if cfg!(loom) { 2 } else { 16 };
const SHARD_BITS: u32 = 4;
const INDEX_LIMIT: usize = (1 << (u32::BITS - SHARD_BITS)) - 1;

// Invariants
//
// W1  A key that `insert` returned names one slot that holds a waker, until `remove` with that key
//     or `wake_all`. The key lives in one `Waiter` and is taken out of it, so it is used once.
// W2  Once `wake_all` has passed a shard, nothing is inserted into it any more: `can_wait` was
//     false before, and `insert` checks that under the lock that `wake_all` takes.
// W3  No waker is cloned, woken or dropped under a lock. A waker may run any code, and that may use
//     this very shard: a task that is freed drops the signals that it holds.
// W4  A waker that panics does not keep the others from being woken.

/// All the wakers that wait for one latch.
pub(crate) enum Waiters {
    /// One slab for all threads.
    Small(Mutex<Slab>),
    /// Made for the first waiter. `None` if `wake_all` came first: then nothing is inserted (W2).
    Sharded(OnceLock<Option<Box<[Shard; SHARDS]>>>),
}

/// One slab, on a cache line of its own.
#[derive(Default)]
#[repr(align(64))]
pub(crate) struct Shard {
    slab: Mutex<Slab>,
}

/// A vector with a list of its free slots threaded through it.
pub(crate) struct Slab {
    slots: Vec<Slot>,
    free: u32,
}

enum Slot {
    Waiting(Waker),
    /// The next free slot, or `NO_SLOT`.
    Free(u32),
}

const NO_SLOT: u32 = u32::MAX;

/// The place of one waker: the shard in the low bits, the index in its slab above.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key(u32);

impl Key {
    /// No place at all.
    pub(crate) const NONE: Self = Self(u32::MAX);

    fn new(shard: usize, index: usize) -> Option<Self> {
        let index = u32::try_from(index).ok().filter(|&i| (i as usize) < INDEX_LIMIT)?;
        Some(Self(index << SHARD_BITS | u32::try_from(shard).ok()?))
    }

    fn shard(self) -> usize {
        self.0 as usize & ((1 << SHARD_BITS) - 1)
    }

    fn index(self) -> usize {
        (self.0 >> SHARD_BITS) as usize
    }
}

impl Waiters {
    pub(crate) fn small() -> Self {
        Self::Small(Mutex::default())
    }

    #[cfg(not(loom))]
    pub(crate) fn sharded() -> Self {
        Self::Sharded(OnceLock::new())
    }

    /// loom does not know that a `OnceLock` orders what was written before it: `insert` would return
    /// `None` to a caller that does not see yet why.
    #[cfg(loom)]
    pub(crate) fn sharded() -> Self {
        Self::Sharded(OnceLock::from(Some(Box::default())))
    }

    /// Returns `None` if `wake_all` came before the first waiter.
    #[inline]
    fn slab(&self, shard: usize) -> Option<&Mutex<Slab>> {
        match self {
            Self::Small(slab) => Some(slab),
            Self::Sharded(shards) => {
                let shards = shards.get_or_init(|| Some(Box::default()));
                shards.as_ref().map(|shards| &shards[shard].slab)
            }
        }
    }

    /// Keeps `waker` until `remove` or `wake_all`. Returns `None` if `can_wait` is false, which is
    /// checked under the lock, or if a slab is full, at a quarter of a billion waiters.
    #[inline]
    pub(crate) fn insert(&self, waker: Waker, can_wait: impl FnOnce() -> bool) -> Option<Key> {
        let shard = shard_of_this_thread();
        let mut slab = lock(self.slab(shard)?);
        let result = if can_wait() { slab.insert(waker, shard) } else { Err(waker) };
        drop(slab); // W3: before the waker
        result.ok()
    }

    /// Puts `waker` in the place that `key` names. Returns `None` if `wake_all` was there first.
    pub(crate) fn replace(&self, key: Key, waker: Waker) -> Option<Key> {
        let mut slab = lock(self.slab(key.shard())?);
        let (old, key) = match slab.slots.get_mut(key.index()) {
            Some(slot @ Slot::Waiting(_)) => (mem::replace(slot, Slot::Waiting(waker)), Some(key)),
            _ => (Slot::Waiting(waker), None),
        };
        drop(slab); // W3
        drop(old);
        key
    }

    /// Removes the waker that `key` names.
    #[inline]
    pub(crate) fn remove(&self, key: Key) {
        let Some(slab) = self.slab(key.shard()) else { return };
        let waker = lock(slab).remove(key.index());
        drop(waker); // W3: the lock is released by now
    }

    /// Wakes every waiter. Called after `can_wait` is false, from anywhere, any number of times.
    pub(crate) fn wake_all(&self) {
        match self {
            Self::Small(slab) => wake_slab(slab),
            Self::Sharded(shards) => {
                let shards = shards.get_or_init(|| None).iter().flat_map(|shards| shards.iter());
                shards.for_each(|shard| wake_slab(&shard.slab));
            }
        }
    }
}

fn wake_slab(slab: &Mutex<Slab>) {
    let slots = mem::take(&mut lock(slab).slots);
    for slot in slots {
        if let Slot::Waiting(waker) = slot {
            wake(waker); // W3: outside the lock
        }
    }
}

/// W4. The panic hook has reported the panic; its payload may panic as well when it is dropped.
pub(crate) fn wake(waker: Waker) {
    let _ = panic::catch_unwind(AssertUnwindSafe(|| waker.wake())).map_err(mem::forget);
}

impl Default for Slab {
    fn default() -> Self {
        Self { slots: Vec::new(), free: NO_SLOT }
    }
}

impl Slab {
    #[inline]
    fn insert(&mut self, waker: Waker, shard: usize) -> Result<Key, Waker> {
        if let Some(slot) = self.slots.get_mut(self.free as usize) {
            if let (&mut Slot::Free(next), Some(key)) =
                (&mut *slot, Key::new(shard, self.free as usize))
            {
                *slot = Slot::Waiting(waker);
                self.free = next;
                return Ok(key);
            }
        }
        self.push(waker, shard)
    }

    /// There is no free slot.
    #[inline(never)]
    fn push(&mut self, waker: Waker, shard: usize) -> Result<Key, Waker> {
        let Some(key) = Key::new(shard, self.slots.len()) else { return Err(waker) };
        if self.slots.is_empty() {
            self.slots.reserve_exact(1); // many children have one waiter
        }
        self.slots.push(Slot::Waiting(waker));
        Ok(key)
    }

    /// Returns `None` after `wake_all`.
    fn remove(&mut self, index: usize) -> Option<Slot> {
        let next = self.free;
        let slot = self.slots.get_mut(index)?;
        self.free = u32::try_from(index).ok()?;
        Some(mem::replace(slot, Slot::Free(next)))
    }
}

/// The shard of the calling thread: assigned in turn, once per thread.
fn shard_of_this_thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static MINE: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    MINE.with(|mine| {
        if mine.get() == usize::MAX {
            // Relaxed: any distribution over the shards will do.
            mine.set(NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS);
        }
        mine.get()
    })
}
