//! A slab keeps values in slots that are used again, so that a value needs no allocation of its own.
//!
//! What many threads share is split into shards: one slab behind one lock for each group of threads. A
//! thread uses its own shard, so the lock is almost always free and in the cache of its processor.

use std::mem;

use crate::util::sync::{number_of_new_thread, thread_local};

/// How many shards there are.
pub(crate) const SHARDS: usize = if cfg!(loom) { 2 } else { 16 };

/// A vector with a list of its free slots threaded through it.
pub(crate) struct Slab<T> {
    slots: Vec<Slot<T>>,
    /// The first free slot, or any number that is not a slot.
    free: usize,
}

enum Slot<T> {
    Full(T),
    /// The next free slot, as `Slab::free`.
    Free(usize),
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { slots: Vec::new(), free: usize::MAX }
    }
}

impl<T> Slab<T> {
    /// Returns the slot that `insert` will fill.
    #[inline]
    pub(crate) fn next_slot(&self) -> usize {
        self.free.min(self.slots.len())
    }

    /// Returns the slot of `value`, which stays there until `remove`.
    #[inline]
    pub(crate) fn insert(&mut self, value: T) -> usize {
        match self.slots.get_mut(self.free) {
            Some(slot @ &mut Slot::Free(next)) => {
                *slot = Slot::Full(value);
                mem::replace(&mut self.free, next)
            }
            _ => self.push(value),
        }
    }

    /// There is no free slot.
    #[inline(never)]
    fn push(&mut self, value: T) -> usize {
        if self.slots.is_empty() {
            self.slots.reserve_exact(1); // many children of a signal have one waiter
        }
        self.slots.push(Slot::Full(value));
        self.slots.len() - 1
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        match self.slots.get_mut(index) {
            Some(Slot::Full(value)) => Some(value),
            _ => None,
        }
    }

    /// Returns `None` if the slot is not full.
    #[inline]
    pub(crate) fn remove(&mut self, index: usize) -> Option<T> {
        let slot = self.slots.get_mut(index)?;
        let Slot::Full(_) = slot else { return None };
        let removed = mem::replace(slot, Slot::Free(self.free));
        self.free = index;
        removed.into_value()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.slots.iter_mut().filter_map(|slot| match slot {
            Slot::Full(value) => Some(value),
            Slot::Free(_) => None,
        })
    }

    pub(crate) fn into_values(self) -> impl Iterator<Item = T> {
        self.slots.into_iter().filter_map(Slot::into_value)
    }
}

impl<T> Slot<T> {
    #[inline]
    fn into_value(self) -> Option<T> {
        match self {
            Self::Full(value) => Some(value),
            Self::Free(_) => None,
        }
    }
}

thread_local! {
    /// Threads are assigned to shards round-robin.
    static SHARD: usize = number_of_new_thread() % SHARDS;
}

/// Returns the shard of the calling thread.
#[inline]
pub(crate) fn shard_of_this_thread() -> usize {
    SHARD.with(|shard| *shard)
}
