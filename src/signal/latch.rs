//! A one-shot broadcast: set once, by a signal handler or by the program, and seen by every clone.
//!
//! The caller that sets the latch claims it, writes the cause and publishes both with one store. Then the
//! waiters are woken. A program that requests the shutdown does that itself; after a signal a backend
//! does it, because a handler must not run wakers. A future that polls registers its waker under a lock
//! that `wake_all` takes after the latch is set, so no waker is missed. `is_set` is one atomic load and
//! needs none of that.
//!
//! A latch can have a parent: `child.rs` has what that adds.

use std::iter;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::signal::Signal;
use crate::signal::reason::{Process, Reason};
use crate::signal::waiters::{Key, Waiter, Waiters, wake};
use crate::util::clock::{self, Timestamp};
use crate::util::sync::{AtomicI32, AtomicU8, AtomicU32, Mutex, lock, yield_now};

// Invariants
//
// L1  `state` only grows. One caller alone adds SETTING, and only that one writes the cause and makes
//     the step to SET or INHERITED.
// L2  The cause is written before SET and never after it.
// L3  Between SETTING and SET there are a few stores: no lock, no allocation, no call into other
//     code. So a signal handler may start at any moment, and waiting for SET takes no time.
// L4  A registered waker is woken. It was registered under the lock that `wake_all` takes after
//     SET, and SET was not there yet. So `wake_all` finds it.
// L5  The caller that sets the latch sees to it that `wake_all` is called. `is_set` does not need it.

/// Below SET, the state is this or two bits: SETTING, and CHILD.
const UNSET: u8 = 0;
const SETTING: u8 = 1;
/// The latch has a parent, which may be set.
const CHILD: u8 = 2;
/// From here on the latch is set.
const SET: u8 = 4;
/// It was set with its parent, which has the cause.
const INHERITED: u8 = 5;

/// The state that all clones of a signal share.
pub(crate) struct Latch {
    state: AtomicU8,
    // The cause. Written once by the caller that sets the latch, and read when it is set. `state`
    // orders the two, so all accesses are relaxed.
    at: Timestamp,
    signal: AtomicI32,
    /// 0 if the sender is not known.
    pid: AtomicU32,
    uid: AtomicU32,
    /// The reason of a request. Without it, the cause is a signal.
    request: OnceLock<Reason>,
    /// Set by the first `fail`, also by one that came later than the request. Boxed, because a child
    /// is small.
    failure: OnceLock<Box<Arc<str>>>,
    pub(crate) waiters: Waiters,
    detached: Mutex<Option<Box<Waker>>>,
    /// The latch above, if this is a child.
    pub(super) parent: Option<Arc<Latch>>,
}

impl Default for Latch {
    fn default() -> Self {
        Self::new(Waiters::sharded(), None)
    }
}

impl Latch {
    pub(super) fn new(waiters: Waiters, parent: Option<Arc<Self>>) -> Self {
        clock::start();
        Self {
            state: AtomicU8::new(if parent.is_some() { CHILD } else { UNSET }),
            at: Timestamp::default(),
            signal: AtomicI32::default(),
            pid: AtomicU32::default(),
            uid: AtomicU32::default(),
            request: OnceLock::new(),
            failure: OnceLock::new(),
            waiters,
            detached: Mutex::default(),
            parent,
        }
    }

    /// This latch and those above it.
    pub(super) fn lineage(&self) -> impl Iterator<Item = &Self> {
        iter::successors(Some(self), |latch| latch.parent.as_deref())
    }

    /// One load and one comparison; for a child, the same for each level above.
    #[inline]
    pub(crate) fn is_set(&self) -> bool {
        // Acquire: as in `is_set_itself`.
        let state = self.state.load(Acquire);
        state >= CHILD && (state >= SET || self.inherit())
    }

    #[inline]
    pub(super) fn is_set_itself(&self) -> bool {
        // Acquire: pairs with the release in `publish`, so the cause can be read (L2).
        self.state.load(Acquire) >= SET
    }

    /// Sets the latch from a signal handler. Async-signal-safe.
    pub(crate) fn set_by_signal(&self, signal: i32, sender: Option<Process>, at: Duration) {
        if self.claim() {
            let (pid, uid) = sender.map_or((0, 0), |process| (process.pid, process.uid));
            self.at.set(at);
            self.signal.store(signal, Relaxed);
            self.pid.store(pid, Relaxed);
            self.uid.store(uid, Relaxed);
            self.publish(SET);
        }
    }

    /// Sets the latch from ordinary code. It is set when this returns. Returns true if this call
    /// set it.
    pub(crate) fn set_by_request(&self, reason: Reason) -> bool {
        let is_first = !self.is_set() && self.claim();
        if is_first {
            self.at.set(clock::elapsed());
            let _ = self.request.set(reason); // it was empty
            self.publish(SET);
        } else {
            self.wait_for_winner();
        }
        is_first
    }

    /// The parent is set.
    pub(super) fn set_by_parent(&self) {
        if self.claim() {
            self.publish(INHERITED);
        } else {
            self.wait_for_winner();
        }
    }

    fn claim(&self) -> bool {
        let unset = if self.parent.is_some() { CHILD } else { UNSET };
        // Relaxed: SETTING publishes nothing yet.
        self.state.compare_exchange(unset, unset | SETTING, Relaxed, Relaxed).is_ok()
    }

    fn publish(&self, state: u8) {
        // Release: the cause comes with it (L2).
        self.state.store(state, Release);
    }

    /// Waits for the few stores of another thread (L3).
    fn wait_for_winner(&self) {
        while !self.is_set_itself() {
            yield_now();
        }
    }

    /// Makes the exit status a failure, even if the hooks are clean. The first message stays.
    pub(crate) fn set_failure(&self, why: Arc<str>) {
        let _ = self.failure.set(Box::new(why));
    }

    /// Why the latch, or else one above it, is marked as a failure.
    pub(crate) fn failure(&self) -> Option<&Arc<str>> {
        self.lineage().find_map(|latch| latch.failure.get()).map(Box::as_ref)
    }

    /// Why the latch was set.
    pub(crate) fn reason(&self) -> Option<Reason> {
        let latch = self.cause()?;
        if let Some(reason) = latch.request.get() {
            return Some(reason.clone());
        }
        let (pid, uid) = (latch.pid.load(Relaxed), latch.uid.load(Relaxed));
        let sender = (pid != 0).then_some(Process { pid, uid });
        Some(Reason::Signal { signal: Signal::from_raw(latch.signal.load(Relaxed)), sender })
    }

    /// When the latch was set, on the crate's clock. Async-signal-safe unless it is a child.
    pub(crate) fn set_after(&self) -> Option<Duration> {
        self.cause().map(|latch| latch.at.get())
    }

    /// The latch that has the cause, if this one is set: itself, or the one that it was set with.
    fn cause(&self) -> Option<&Self> {
        // Acquire: as in `is_set_itself`.
        let has_cause = |latch: &&Self| latch.state.load(Acquire) != INHERITED;
        self.is_set().then(|| self.lineage().find(has_cause)).flatten()
    }

    /// Wakes every waiter, if the latch is set. Returns whether it is.
    pub(crate) fn wake_all(&self) -> bool {
        let is_set = self.is_set();
        if is_set {
            self.wake_with_children();
        }
        is_set
    }

    pub(super) fn wake_waiters(&self) {
        self.waiters.wake_all();
        let detached = lock(&self.detached).take();
        if let Some(waker) = detached {
            wake(*waker);
        }
    }

    /// Ready once the latch is set; until then registers the waker of `cx` for `waiter`.
    #[inline]
    pub(crate) fn poll(&self, waiter: &mut Waiter, cx: &mut Context<'_>) -> Poll<()> {
        // Relaxed: if it is not set, nothing is read.
        if self.state.load(Relaxed) == UNSET && waiter.will_wake(cx.waker()) {
            Poll::Pending // no lock
        } else {
            self.check_or_register(waiter, cx.waker())
        }
    }

    #[inline(never)]
    fn check_or_register(&self, waiter: &mut Waiter, waker: &Waker) -> Poll<()> {
        if self.is_set() {
            return Poll::Ready(());
        }
        if self.can_wait() && waiter.will_wake(waker) {
            return Poll::Pending; // a child
        }
        let clone = waker.clone();
        let kept = Waiter::of(&clone);
        let key = match waiter.key {
            Key::NONE => self.register(clone),
            key => self.waiters.replace(key, clone),
        };
        if let Some(key) = key {
            *waiter = kept.at(key);
            return Poll::Pending; // L4
        }
        if self.is_set() {
            return Poll::Ready(());
        }
        waker.wake_by_ref(); // there is no room for it
        Poll::Pending
    }

    /// Keeps a waker until the latch is set. Returns `None` if it is set, or if there is no room.
    pub(crate) fn register(&self, waker: Waker) -> Option<Key> {
        self.waiters.insert(waker, || self.can_wait())
    }

    /// Whether a waker can be registered, or stays so. Relaxed: the lock of the waiters orders it.
    fn can_wait(&self) -> bool {
        self.state.load(Relaxed) < SET
    }

    /// Registers a waker that no future polls, until the latch is set. There is one for each latch.
    pub(crate) fn register_detached(&self, waker: Waker) {
        *lock(&self.detached) = Some(Box::new(waker));
        self.waiters.unpark();
        self.wake_all(); // L4: it may be set by now
    }

    /// Removes the waker that `poll` keeps for `waiter`, if there is one.
    #[inline]
    pub(crate) fn deregister(&self, waiter: &mut Waiter) {
        let key = std::mem::take(waiter).key;
        if key != Key::NONE {
            self.remove(key);
        }
    }

    /// Apart, so that a clone that never waited is dropped in a few instructions.
    #[inline(never)]
    fn remove(&self, key: Key) {
        if !self.is_set_itself() {
            self.waiters.remove(key); // after SET `wake_all` takes them all
        }
    }
}
