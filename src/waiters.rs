//! The wakers of everybody who waits for a latch: slabs, one for each group of threads.

use std::cell::Cell;
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Waker;

use crate::sync::{Mutex, lock};

/// Threads share slabs in turn, so two threads on two cores rarely meet at a lock.
const SHARDS: usize = if cfg!(loom) { 2 } else { 16 };
const SHARD_BITS: u32 = 4;
const INDEX_LIMIT: usize = (1 << (u32::BITS - SHARD_BITS)) - 1;

// Invariants
//
// W1  A key handed out by `insert` names one slot that holds a waker, until `remove` with that key
//     or `drain`. Nobody else can free it: the key lives in one `Waiter` and is taken out of it.
// W2  Once `drain` has passed a shard, nobody inserts into it any more: the latch was set before
//     the first `drain`, and `insert` asks under the same lock that `drain` takes.
// W3  No waker is cloned, woken or dropped under a lock: that is foreign code, and it may well end
//     in this very shard again (a task that is freed drops the signals that it holds).

/// All the wakers that wait for one latch.
#[derive(Default)]
pub(crate) struct Waiters {
    shards: [Shard; SHARDS],
}

/// One slab, on a cache line of its own.
#[derive(Default)]
#[repr(align(64))]
struct Shard {
    slab: Mutex<Slab>,
}

/// A vector with a list of its free slots threaded through it.
struct Slab {
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

/// What became of a waker that was to be kept.
pub(crate) enum Kept {
    At(Key),
    /// The latch is set: no need to wait.
    NotNeeded,
    /// A quarter of a thousand million waiters in one slab: there is no room for another.
    Full(Waker),
}

impl Waiters {
    /// Keeps `waker` until `remove` or `drain`, unless `is_set` says, under the lock, that there
    /// is nothing to wait for.
    pub(crate) fn insert(&self, waker: Waker, is_set: impl FnOnce() -> bool) -> Kept {
        let shard = shard_of_this_thread();
        let mut slab = lock(&self.shards[shard].slab);
        if is_set() {
            drop(slab); // W3: before the waker goes
            return Kept::NotNeeded;
        }
        match slab.insert(waker, shard) {
            Ok(key) => Kept::At(key),
            Err(waker) => Kept::Full(waker),
        }
    }

    /// Puts `waker` in the place of the one that `key` names. False where `drain` was there first.
    pub(crate) fn replace(&self, key: Key, waker: Waker) -> bool {
        let mut slab = lock(&self.shards[key.shard()].slab);
        let old = match slab.slots.get_mut(key.index()) {
            Some(slot @ Slot::Waiting(_)) => mem::replace(slot, Slot::Waiting(waker)),
            _ => return false,
        };
        drop(slab); // W3
        drop(old);
        true
    }

    /// Forgets the waker that `key` names.
    pub(crate) fn remove(&self, key: Key) {
        let waker = lock(&self.shards[key.shard()].slab).remove(key.index());
        drop(waker); // W3: the lock is gone by now
    }

    /// Wakes everybody. To be called after the latch was set, by anybody, any number of times.
    pub(crate) fn drain(&self) {
        for shard in &self.shards {
            let slots = mem::take(&mut lock(&shard.slab).slots);
            for slot in slots {
                if let Slot::Waiting(waker) = slot {
                    waker.wake(); // W3: outside of the lock
                }
            }
        }
    }
}

impl Default for Slab {
    fn default() -> Self {
        Self { slots: Vec::new(), free: NO_SLOT }
    }
}

impl Slab {
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
        let Some(key) = Key::new(shard, self.slots.len()) else { return Err(waker) };
        self.slots.push(Slot::Waiting(waker));
        Ok(key)
    }

    /// Nothing is there after `drain`.
    fn remove(&mut self, index: usize) -> Option<Slot> {
        let next = self.free;
        let slot = self.slots.get_mut(index)?;
        self.free = u32::try_from(index).ok()?;
        Some(mem::replace(slot, Slot::Free(next)))
    }
}

/// The shard of the calling thread: given out in turn, once per thread.
fn shard_of_this_thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static MINE: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    MINE.with(|mine| {
        if mine.get() == usize::MAX {
            // Relaxed: any spread over the shards will do.
            mine.set(NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS);
        }
        mine.get()
    })
}
