//! The wakers that are registered with a latch.

use std::mem;
use std::sync::OnceLock;
use std::task::Waker;

pub(crate) use crate::util::panic::wake; // W4
use crate::util::slab::{SHARDS, Slab, shard_of_this_thread};
use crate::util::sync::{Mutex, lock};

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
    Small(Mutex<Slab<Waker>>),
    /// Made for the first waiter. `None` if `wake_all` came first: then nothing is inserted (W2).
    Sharded(OnceLock<Option<Box<[Shard; SHARDS]>>>),
}

/// One slab, on a cache line of its own.
#[derive(Default)]
#[repr(align(64))]
pub(crate) struct Shard {
    slab: Mutex<Slab<Waker>>,
}

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
    fn slab(&self, shard: usize) -> Option<&Mutex<Slab<Waker>>> {
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
        let key = Key::new(shard, slab.next_slot()).filter(|_| can_wait());
        if key.is_some() {
            slab.insert(waker);
            return key;
        }
        drop(slab); // W3: before the waker
        None
    }

    /// Puts `waker` in the place that `key` names. Returns `None` if `wake_all` was there first.
    pub(crate) fn replace(&self, key: Key, mut waker: Waker) -> Option<Key> {
        let mut slab = lock(self.slab(key.shard())?);
        let place = slab.get_mut(key.index());
        let key = place.map(|place| mem::swap(place, &mut waker)).map(|()| key);
        drop(slab); // W3: before the waker
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

fn wake_slab(slab: &Mutex<Slab<Waker>>) {
    let wakers = mem::take(&mut *lock(slab));
    wakers.into_values().for_each(wake); // W3: outside the lock
}
