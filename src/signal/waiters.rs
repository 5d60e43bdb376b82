//! The wakers that are registered with a latch, and what a future keeps of its own.

use std::mem;
use std::sync::OnceLock;
use std::task::Waker;
use std::thread::Thread;

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
    Sharded(Sharded),
}

/// A slab for each group of threads.
#[derive(Default)]
pub(crate) struct Sharded {
    /// Made for the first waiter. `None` if `wake_all` came first: then nothing is inserted (W2).
    shards: OnceLock<Option<Box<[Shard; SHARDS]>>>,
    /// Parked until the first waiter: see `Listener::set_parked_thread`.
    thread: OnceLock<Thread>,
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

    pub(crate) fn sharded() -> Self {
        let sharded = Sharded::default();
        if cfg!(loom) {
            // loom does not know that a `OnceLock` orders what was written before it: `insert` would
            // return `None` to a caller that does not see yet why.
            let _ = sharded.shards.set(Some(Box::default()));
        }
        Self::Sharded(sharded)
    }

    /// Has `thread`, which is parked, unparked for the first waiter.
    pub(crate) fn set_thread(&self, thread: Thread) {
        if let Self::Sharded(sharded) = self {
            let _ = sharded.thread.set(thread); // there is one
        }
    }

    pub(crate) fn unpark(&self) {
        if let Self::Sharded(sharded) = self {
            sharded.thread.get().into_iter().for_each(Thread::unpark);
        }
    }

    /// Returns `None` if `wake_all` came before the first waiter.
    #[inline]
    fn slab(&self, shard: usize) -> Option<&Mutex<Slab<Waker>>> {
        match self {
            Self::Small(slab) => Some(slab),
            Self::Sharded(sharded) => {
                let shards = sharded.shards.get_or_init(|| {
                    self.unpark();
                    Some(Box::default())
                });
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
            Self::Sharded(sharded) => {
                let shards =
                    sharded.shards.get_or_init(|| None).iter().flat_map(|shards| shards.iter());
                shards.for_each(|shard| wake_slab(&shard.slab));
            }
        }
    }
}

fn wake_slab(slab: &Mutex<Slab<Waker>>) {
    let wakers = mem::take(&mut *lock(slab));
    wakers.into_values().for_each(wake); // W3: outside the lock
}

/// Where the waker of a future is registered, and which waker that is.
///
/// The second part compares like `Waker::will_wake`, in twelve bytes and without another clone.
/// It describes the registered clone: while that lives, its addresses belong to no other waker.
pub(crate) struct Waiter {
    data: usize,
    /// The distance of the waker's vtable from a static of this crate.
    vtable: i32,
    pub(crate) key: Key,
}

/// The vtable is too far away for 32 bits. Such a waker is registered again at each poll.
const OUT_OF_RANGE: i32 = i32::MIN;

impl Default for Waiter {
    fn default() -> Self {
        Self { data: 0, vtable: OUT_OF_RANGE, key: Key::NONE }
    }
}

impl Waiter {
    /// Describes a clone that is about to be registered.
    pub(crate) fn of(clone: &Waker) -> Self {
        Self { data: clone.data().addr(), vtable: vtable_of(clone), key: Key::NONE }
    }

    /// The clone is registered at `key`.
    pub(crate) fn at(self, key: Key) -> Self {
        Self { key, ..self }
    }

    /// Returns whether the registered waker wakes the same task. False negatives are possible.
    #[inline]
    pub(crate) fn will_wake(&self, waker: &Waker) -> bool {
        self.vtable != OUT_OF_RANGE // if none is registered, too
            && self.data == waker.data().addr()
            && self.vtable == vtable_of(waker)
    }
}

#[inline]
fn vtable_of(waker: &Waker) -> i32 {
    static ORIGIN: u8 = 0;
    let vtable = std::ptr::from_ref(waker.vtable()).addr();
    let distance = vtable.wrapping_sub((&raw const ORIGIN).addr());
    let distance = isize::from_ne_bytes(distance.to_ne_bytes());
    i32::try_from(distance).unwrap_or(OUT_OF_RANGE)
}
