//! One future that waits for a latch.

use std::task::Waker;

use crate::signal::waiters::Key;

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
