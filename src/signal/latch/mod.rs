//! A one-shot broadcast: set once, by a signal handler or by the program, and seen by every clone.
//!
//! Inside: `cause` is why and when, `parent` makes the latch of a child, `lazy_thread` is the thread of
//! a backend that has one, and `role` is what only a child or only a latch without a parent has.

mod cause;
mod lazy_thread;
mod parent;
mod role;

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use self::cause::Cause;
use self::parent::Parent;
use self::role::Role;
#[cfg(any(feature = "__signal", loom))]
use crate::signal::reason::Process;
use crate::signal::reason::Reason;
use crate::signal::waiter::Waiter;
use crate::signal::waiters::{Key, Waiters, wake};
use crate::util::clock;
use crate::util::sync::{AtomicU8, Mutex, lock, nap, yield_now};

// Invariants
//
// L1  `state` only grows. One caller alone adds SETTING, and only that one writes the cause and makes
//     the step to SET.
// L2  The cause is written before SET and never after it.
// L3  Between SETTING and SET there are a few stores: no lock, no allocation, no call into other
//     code. So a signal handler may start at any moment, and waiting for SET takes no time.
// L4  A registered waker is woken. It was registered under the lock that `wake_all` takes after
//     SET, and SET was not there yet. So `wake_all` finds it.
// L5  The caller that sets the latch sees to it that `wake_all` is called. `is_set` does not need it.
// L6  From POLLED on, nothing has to call `wake_all`: every waiter polls instead of waiting. The
//     detached waker, that of a channel, stays. No future polls for it, so the waiters call `wake_all`.

/// Below SET, the state is this or bits: SETTING or POLLED, and CHILD.
const UNSET: u8 = 0;
const SETTING: u8 = 1;
const POLLED: u8 = 2;
/// The latch has a parent, which may be set.
const CHILD: u8 = 4;
const SET: u8 = 8;

/// The state at the beginning.
fn unset(role: &Role) -> u8 {
    if let Role::Child(_) = role { CHILD } else { UNSET }
}

/// How long a waiter that polls sleeps in between.
const FALLBACK_POLL: Duration = Duration::from_millis(2);

/// The state that all clones of a signal share.
pub(crate) struct Latch {
    state: AtomicU8,
    cause: Cause,
    /// Set by the first `fail`, also by one that came later than the request. Boxed, because a child
    /// is small.
    failure: OnceLock<Box<Arc<str>>>,
    waiters: Waiters,
    detached: Mutex<Option<Box<Waker>>>,
    role: Role,
}

impl Default for Latch {
    fn default() -> Self {
        Self::new(Waiters::sharded(), Role::Root(Box::default()))
    }
}

impl Latch {
    fn new(waiters: Waiters, role: Role) -> Self {
        clock::start();
        Self {
            state: AtomicU8::new(unset(&role)),
            cause: Cause::default(),
            failure: OnceLock::new(),
            waiters,
            detached: Mutex::default(),
            role,
        }
    }

    /// One load and one comparison; for a child, the same for its parent.
    #[inline]
    pub(crate) fn is_set(&self) -> bool {
        // Acquire: as in `is_set_itself`.
        let state = self.state.load(Acquire);
        state >= CHILD && (state == SET || self.inherit())
    }

    #[inline]
    fn is_set_itself(&self) -> bool {
        // Acquire: pairs with the release in `publish`, so the cause can be read (L2).
        self.state.load(Acquire) == SET
    }

    /// Sets the latch from a signal handler. Async-signal-safe.
    #[cfg(any(feature = "__signal", loom))]
    pub(crate) fn set_by_signal(&self, signal: i32, process: Option<Process>, at: Duration) {
        let Some(root) = self.root() else { return };
        if self.claim() {
            self.cause.set_signal_at(at);
            root.signal.set(signal, process);
            self.publish();
        }
    }

    /// Sets the latch from ordinary code. It is set when this returns. Returns true if this call
    /// set it.
    pub(crate) fn set_by_request(&self, message: Arc<str>) -> bool {
        if self.is_set() {
            return false;
        }
        let is_first = self.claim();
        if is_first {
            self.cause.set_request(message);
            self.publish();
        } else {
            self.wait_for_winner();
        }
        is_first
    }

    /// Makes the exit status a failure, even if the hooks are clean. The first message stays.
    pub(crate) fn set_failure(&self, why: Arc<str>) {
        let _ = self.failure.set(Box::new(why));
    }

    /// Why the latch, or else one of its parents, is marked as a failure.
    pub(crate) fn failure(&self) -> Option<&Arc<str>> {
        let own = self.failure.get().map(Box::as_ref);
        own.or_else(|| self.parent().and_then(Parent::failure))
    }

    fn claim(&self) -> bool {
        // Relaxed: SETTING publishes nothing yet.
        let add = |to| self.state.compare_exchange(to, to | SETTING, Relaxed, Relaxed).is_ok();
        let unset = unset(&self.role);
        add(unset) || add(unset | POLLED)
    }

    fn publish(&self) {
        // Release: the cause comes with it (L2).
        self.state.store(SET, Release);
    }

    /// Waits for the few stores of another thread (L3).
    fn wait_for_winner(&self) {
        while !self.is_set_itself() {
            yield_now();
        }
    }

    /// Why the latch was set.
    pub(crate) fn reason(&self) -> Option<Reason> {
        self.is_set().then(|| self.set_latch().own_reason())
    }

    /// When the latch was set.
    pub(crate) fn set_at(&self) -> Option<Instant> {
        self.is_set().then(|| clock::instant(self.set_latch().cause.at()))
    }

    /// When this very latch was set, on the crate's clock. Async-signal-safe.
    #[cfg(feature = "__signal")]
    pub(crate) fn set_after(&self) -> Option<Duration> {
        self.is_set_itself().then(|| self.cause.at())
    }

    /// The latch that was set: this one, or the parent that it was set with.
    fn set_latch(&self) -> &Self {
        self.parent().and_then(Parent::inherited).map_or(self, Self::set_latch)
    }

    fn own_reason(&self) -> Reason {
        let by_signal = || self.root().map(|root| root.signal.reason());
        let reason = self.cause.request().or_else(by_signal);
        reason.unwrap_or_else(|| Reason::Request(Arc::default())) // a child has a message
    }

    /// Wakes every waiter, if the latch is set. Returns whether it is.
    pub(crate) fn wake_all(&self) -> bool {
        let is_set = self.is_set();
        if is_set {
            self.waiters.wake_all();
            self.wake_detached();
        }
        is_set
    }

    /// Nothing will call `wake_all`: from now on every waiter polls (L6).
    pub(crate) fn poll_from_now_on(&self) {
        // Relaxed: a waiter that misses it is woken below.
        let unset = unset(&self.role);
        let step = self.state.compare_exchange(unset, unset | POLLED, Relaxed, Relaxed);
        if step == Err(unset | SETTING) {
            self.wait_for_winner(); // then no waiter is registered any more
        }
        self.waiters.wake_all();
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
            Poll::Ready(())
        } else if self.can_wait() && waiter.will_wake(waker) {
            Poll::Pending // a child
        } else {
            self.register(waiter, waker)
        }
    }

    fn register(&self, waiter: &mut Waiter, waker: &Waker) -> Poll<()> {
        let clone = waker.clone();
        let kept = Waiter::of(&clone);
        let key = match waiter.key {
            Key::NONE => self.waiters.insert(clone, || self.can_wait()),
            key => self.waiters.replace(key, clone),
        };
        let Some(key) = key else { return self.poll_again(waker) };
        *waiter = kept.at(key);
        self.start_watching();
        Poll::Pending // L4
    }

    /// Whether a waker can be registered, or stays so. No ordering: the lock of the waiters provides it.
    fn can_wait(&self) -> bool {
        self.state.load(Relaxed) & !CHILD <= SETTING
    }

    /// No waker can be registered: the latch is set, or L6 holds, or there is no room.
    fn poll_again(&self, waker: &Waker) -> Poll<()> {
        if !self.is_set() {
            nap(FALLBACK_POLL);
        }
        self.wake_all(); // L6: for the detached waker
        if self.is_set() {
            return Poll::Ready(());
        }
        waker.wake_by_ref();
        Poll::Pending
    }

    /// Registers a waker that no future polls, until the latch is set. There is one for each latch.
    #[cfg(any(feature = "blocking", loom))]
    pub(crate) fn register_detached(&self, waker: Waker) {
        *lock(&self.detached) = Some(Box::new(waker));
        self.start_watching();
        self.wake_all(); // L4: it may be set by now
    }

    fn wake_detached(&self) {
        let waker = lock(&self.detached).take();
        if let Some(waker) = waker {
            wake(*waker);
        }
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
