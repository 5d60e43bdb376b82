//! A one-shot broadcast: set once, by a signal handler or by the program, and seen by everybody.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};
use std::thread::Thread;

use crate::reason::{Process, Reason};
use crate::signal::Signal;
use crate::sync::{AtomicI32, AtomicU8, AtomicU32, Ordering, yield_now};
use crate::waiters::{Kept, Key, Waiters};

// Invariants
//
// L1  `state` goes OPEN → CLAIMED → SET and never back. One caller alone makes the first step, and
//     only that one writes the cause and makes the second step.
// L2  The cause is written before SET and never after it.
// L3  Between CLAIMED and SET there are a few stores: no lock, no allocation, no foreign code. So
//     a signal handler may claim at any moment, and whoever sees CLAIMED need not wait for long.
// L4  A waiter whose waker is kept is woken: it asked for SET under the lock that `announce` takes
//     after SET. Either it saw SET, or `announce` finds its waker.
// L5  Whoever sets the latch sees to it that `announce` is called. Nobody needs `announce` to find
//     out that the latch is set.

const OPEN: u8 = 0;
const CLAIMED: u8 = 1;
const SET: u8 = 2;

/// The state that all clones of a signal share.
pub(crate) struct Latch {
    state: AtomicU8,
    cause: Cause,
    waiters: Waiters,
    watcher: Watcher,
}

/// The thread that announces, where there is one. It sleeps until a first waker is kept.
#[derive(Default)]
struct Watcher {
    thread: OnceLock<Thread>,
    summoned: AtomicBool,
}

/// Why the latch was set; a request by its text, a signal by its number.
#[derive(Default)]
struct Cause {
    text: OnceLock<Arc<str>>,
    number: AtomicI32,
    /// 0 where the kernel did not tell.
    pid: AtomicU32,
    uid: AtomicU32,
}

impl Default for Latch {
    fn default() -> Self {
        Self {
            state: AtomicU8::new(OPEN),
            cause: Cause::default(),
            waiters: Waiters::default(),
            watcher: Watcher::default(),
        }
    }
}

impl Latch {
    /// One load.
    #[inline]
    pub(crate) fn is_set(&self) -> bool {
        // Acquire: pairs with the release in `publish`, so the cause can be read (L2).
        self.state.load(Ordering::Acquire) == SET
    }

    /// Sets the latch from a signal handler: async-signal-safe. True for the one call that won.
    #[allow(dead_code, reason = "without a backend there is no handler")]
    pub(crate) fn set_by_signal(&self, number: i32, sender: Option<Process>) -> bool {
        if !self.claim() {
            return false;
        }
        let (pid, uid) = sender.map_or((0, 0), |sender| (sender.pid, sender.uid));
        // Relaxed: `publish` releases them (L2).
        self.cause.number.store(number, Ordering::Relaxed);
        self.cause.pid.store(pid, Ordering::Relaxed);
        self.cause.uid.store(uid, Ordering::Relaxed);
        self.publish();
        true
    }

    /// Sets the latch from ordinary code. When it returns the latch is set, whoever won.
    pub(crate) fn set_by_request(&self, text: Arc<str>) -> bool {
        if !self.claim() {
            self.await_winner();
            return false;
        }
        let _ = self.cause.text.set(text); // L1: nobody else can have set it
        self.publish();
        true
    }

    fn claim(&self) -> bool {
        // Relaxed: claiming tells nothing yet; `publish` does.
        self.state.compare_exchange(OPEN, CLAIMED, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    fn publish(&self) {
        // Release: the cause comes with it (L2).
        self.state.store(SET, Ordering::Release);
    }

    /// Waits out the few stores of another thread that won (L3).
    fn await_winner(&self) {
        while !self.is_set() {
            yield_now();
        }
    }

    /// Why the latch was set.
    pub(crate) fn reason(&self) -> Option<Reason> {
        if !self.is_set() {
            return None;
        }
        if let Some(text) = self.cause.text.get() {
            return Some(Reason::Request(Arc::clone(text)));
        }
        // Relaxed: `is_set` acquired them (L2).
        let signal = Signal::from_raw(self.cause.number.load(Ordering::Relaxed));
        let pid = self.cause.pid.load(Ordering::Relaxed);
        let uid = self.cause.uid.load(Ordering::Relaxed);
        Some(Reason::Signal { signal, sender: (pid != 0).then_some(Process { pid, uid }) })
    }

    /// The number of the signal that set the latch.
    #[allow(dead_code, reason = "without a backend there is no handler")]
    pub(crate) fn signal(&self) -> Option<i32> {
        match self.reason()? {
            Reason::Signal { signal, .. } => Some(signal.as_raw()),
            Reason::Request(_) => None,
        }
    }

    /// Wakes everybody who waits, if the latch is set; whether it is.
    pub(crate) fn announce(&self) -> bool {
        let is_set = self.is_set();
        if is_set {
            self.waiters.drain();
        }
        is_set
    }

    /// Ready once the latch is set; until then keeps the waker of `cx` for `waiter`.
    #[inline]
    pub(crate) fn poll(&self, waiter: &mut Waiter, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_set() {
            Poll::Ready(())
        } else if waiter.is_kept_as(cx.waker()) {
            Poll::Pending // no lock
        } else {
            self.keep_for(waiter, cx.waker())
        }
    }

    fn keep_for(&self, waiter: &mut Waiter, waker: &Waker) -> Poll<()> {
        if waiter.key != Key::NONE {
            // False only after SET (W2 of the waiters), and then nobody needs to wait.
            if !self.waiters.replace(waiter.key, waker.clone()) {
                return Poll::Ready(());
            }
            *waiter = Waiter::new(waiter.key, waker);
            return Poll::Pending; // L4
        }
        match self.waiters.insert(waker.clone(), || self.is_set()) {
            Kept::At(key) => {
                *waiter = Waiter::new(key, waker);
                self.summon();
            }
            Kept::NotNeeded => return Poll::Ready(()),
            Kept::Full(waker) => waker.wake(), // ask again instead of waiting
        }
        Poll::Pending // L4
    }

    /// Keeps `waker` until the latch is set; does nothing where it is.
    #[allow(dead_code, reason = "only channels need it")]
    pub(crate) fn keep(&self, waker: Waker) {
        // Without room for another waiter nobody could have come this far.
        let _ = self.waiters.insert(waker, || self.is_set());
        self.summon();
    }

    /// Has `thread` unparked once a first waker is kept, or by `summon`.
    #[allow(dead_code, reason = "only `Blocking` has such a thread")]
    pub(crate) fn summon_with(&self, thread: Thread) {
        let _ = self.watcher.thread.set(thread); // one backend, one thread
    }

    /// Sends the thread to the bell.
    pub(crate) fn summon(&self) {
        let Some(thread) = self.watcher.thread.get() else { return };
        // Relaxed: unparking is what orders the two threads.
        if !self.is_summoned() && !self.watcher.summoned.swap(true, Ordering::Relaxed) {
            thread.unpark();
        }
    }

    pub(crate) fn is_summoned(&self) -> bool {
        self.watcher.summoned.load(Ordering::Relaxed)
    }

    /// Takes back the waker that `poll` keeps for `waiter`, if there is one.
    pub(crate) fn forget(&self, waiter: &mut Waiter) {
        let key = std::mem::take(waiter).key;
        if key != Key::NONE && !self.is_set() {
            self.waiters.remove(key); // after SET `announce` takes them all
        }
    }
}

/// One who waits: where its waker is kept, and which one that is.
///
/// "Which one" is what `Waker::will_wake` compares, without a second copy of the waker and in
/// twelve bytes: while the waker is kept its data lives, so the same addresses are the same waker.
pub(crate) struct Waiter {
    data: usize,
    /// The distance of the waker's vtable from a static of ours. Vtables are statics too; one in
    /// another library may be too far away, and such a waker is simply kept anew at each poll.
    vtable: i32,
    key: Key,
}

const FAR: i32 = i32::MIN;

impl Default for Waiter {
    fn default() -> Self {
        Self { data: 0, vtable: FAR, key: Key::NONE }
    }
}

impl Waiter {
    fn new(key: Key, waker: &Waker) -> Self {
        Self { data: waker.data().addr(), vtable: vtable_of(waker), key }
    }

    #[inline]
    fn is_kept_as(&self, waker: &Waker) -> bool {
        self.data == waker.data().addr() && self.vtable == vtable_of(waker) && self.vtable != FAR
    }
}

#[inline]
fn vtable_of(waker: &Waker) -> i32 {
    static ORIGIN: u8 = 0;
    let vtable = std::ptr::from_ref(waker.vtable()).addr();
    let distance = vtable.wrapping_sub((&raw const ORIGIN).addr());
    let distance = isize::from_ne_bytes(distance.to_ne_bytes());
    i32::try_from(distance).unwrap_or(FAR)
}
