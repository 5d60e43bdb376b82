//! A one-shot broadcast: set once, by a signal handler or by the program, and seen by every clone.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

use crate::clock::{self, Timestamp};
use crate::reason::{Process, Reason};
use crate::signal::Signal;
use crate::sync::{AtomicI32, AtomicU8, AtomicU32, Mutex, lock, nap, yield_now};
use crate::waiter::Waiter;
use crate::waiters::{Key, Waiters, wake};

// Invariants
//
// L1  `state` only grows. One caller alone makes the step to SETTING (or POLLED_SETTING), and only
//     that one writes the cause and makes the step to SET.
// L2  The cause is written before SET and never after it.
// L3  Between SETTING and SET there are a few stores: no lock, no allocation, no call into other
//     code. So a signal handler may start at any moment, and waiting for SET takes no time.
// L4  A registered waker is woken. It was registered under the lock that `wake_all` takes after
//     SET, and SET was not there yet. So `wake_all` finds it.
// L5  The caller that sets the latch sees to it that `wake_all` is called. `is_set` does not need it.
// L6  From POLLED on, nothing has to call `wake_all`: every waiter polls instead of waiting. The
//     detached waker stays. Nothing polls it, so the waiters call `wake_all` for it.

const UNSET: u8 = 0;
const SETTING: u8 = 1;
const POLLED: u8 = 2;
const POLLED_SETTING: u8 = 3;
const SET: u8 = 4;
/// The program has seen that the latch is set.
const SEEN: u8 = 5;

/// How long a waiter that polls sleeps in between.
const FALLBACK_POLL: Duration = Duration::from_millis(2);

/// The state that all clones of a signal share.
pub(crate) struct Latch {
    state: AtomicU8,
    cause: Cause,
    waiters: Waiters,
    detached: Mutex<Option<Waker>>,
    thread: LazyThread,
}

/// A thread that calls `wake_all`, if the backend has one. It sleeps until there is a waiter.
#[derive(Default)]
struct LazyThread {
    thread: OnceLock<Thread>,
    is_watching: AtomicBool,
}

/// Why and when the latch was set.
#[derive(Default)]
struct Cause {
    at: Timestamp,
    /// The message of a request. Without it, the cause is a signal.
    message: OnceLock<Arc<str>>,
    signal: AtomicI32,
    /// 0 if the sender is not known.
    pid: AtomicU32,
    uid: AtomicU32,
    /// Set by any `fail`, also by one that came later.
    is_failure: AtomicBool,
}

impl Default for Latch {
    fn default() -> Self {
        clock::start();
        Self {
            state: AtomicU8::new(UNSET),
            cause: Cause::default(),
            waiters: Waiters::default(),
            detached: Mutex::default(),
            thread: LazyThread::default(),
        }
    }
}

impl Latch {
    /// One load.
    #[inline]
    pub(crate) fn is_set(&self) -> bool {
        // Acquire: pairs with the release in `publish`, so the cause can be read (L2).
        self.state.load(Acquire) >= SET
    }

    /// The same, on behalf of the program: it has seen the signal.
    #[inline]
    pub(crate) fn see(&self) -> bool {
        // Acquire: as in `is_set`.
        let state = self.state.load(Acquire);
        if state == SET {
            // Release: the cause still comes with it (L2).
            self.state.store(SEEN, Release);
        }
        state >= SET
    }

    /// Sets the latch from a signal handler. Async-signal-safe.
    #[cfg(any(feature = "__signal", loom))]
    pub(crate) fn set_by_signal(&self, signal: i32, process: Option<Process>, at: Duration) {
        if !self.claim() {
            return;
        }
        let (pid, uid) = process.map_or((0, 0), |process| (process.pid, process.uid));
        // Relaxed: `publish` releases them (L2).
        self.cause.at.set(at);
        self.cause.signal.store(signal, Relaxed);
        self.cause.pid.store(pid, Relaxed);
        self.cause.uid.store(uid, Relaxed);
        self.publish();
    }

    /// Sets the latch from ordinary code. It is set when this returns. Returns true if this call
    /// set it.
    pub(crate) fn set_by_request(&self, message: Arc<str>) -> bool {
        if !self.claim() {
            self.wait_for_winner();
            self.see();
            return false;
        }
        self.cause.at.set(clock::elapsed());
        let _ = self.cause.message.set(message); // L1: it was empty
        self.publish();
        true
    }

    /// Makes the exit status a failure, even if the hooks are clean.
    pub(crate) fn set_failure(&self) {
        // Relaxed: it is read after the shutdown was seen, or much later.
        self.cause.is_failure.store(true, Relaxed);
    }

    pub(crate) fn is_failure(&self) -> bool {
        self.cause.is_failure.load(Relaxed)
    }

    fn claim(&self) -> bool {
        // Relaxed: SETTING publishes nothing yet.
        let step = |from, to| self.state.compare_exchange(from, to, Relaxed, Relaxed).is_ok();
        step(UNSET, SETTING) || step(POLLED, POLLED_SETTING)
    }

    fn publish(&self) {
        // Release: the cause comes with it (L2).
        self.state.store(SET, Release);
    }

    /// Waits for the few stores of another thread (L3).
    fn wait_for_winner(&self) {
        while !self.is_set() {
            yield_now();
        }
    }

    /// Why the latch was set.
    pub(crate) fn reason(&self) -> Option<Reason> {
        if !self.see() {
            return None;
        }
        if let Some(message) = self.cause.message.get() {
            return Some(Reason::Request(Arc::clone(message)));
        }
        // Relaxed: `see` acquired them (L2).
        let signal = Signal::from_raw(self.cause.signal.load(Relaxed));
        let pid = self.cause.pid.load(Relaxed);
        let uid = self.cause.uid.load(Relaxed);
        Some(Reason::Signal { signal, sender: (pid != 0).then_some(Process { pid, uid }) })
    }

    /// When the latch was set.
    pub(crate) fn set_at(&self) -> Option<Instant> {
        self.see().then(|| self.cause.at.get())
    }

    /// The signal that set the latch, if the program has seen it.
    #[cfg(feature = "__signal")]
    pub(crate) fn signal_seen(&self) -> Option<Signal> {
        self.signal_in(SEEN)
    }

    /// The signal that set the latch, if the program has not seen it.
    #[cfg(feature = "__signal")]
    pub(crate) fn signal_unseen(&self) -> Option<Signal> {
        self.signal_in(SET)
    }

    #[cfg(feature = "__signal")]
    fn signal_in(&self, state: u8) -> Option<Signal> {
        // Acquire: pairs with `publish`.
        let is_by_signal = self.state.load(Acquire) == state && self.cause.message.get().is_none();
        is_by_signal.then(|| Signal::from_raw(self.cause.signal.load(Relaxed)))
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
    #[cfg(feature = "__signal")]
    pub(crate) fn poll_from_now_on(&self) {
        // Relaxed: a waiter that misses it is woken below.
        let step = self.state.compare_exchange(UNSET, POLLED, Relaxed, Relaxed);
        if step == Err(SETTING) {
            self.wait_for_winner(); // then no waiter is registered any more
        }
        self.waiters.wake_all();
    }

    /// Ready once the latch is set; until then registers the waker of `cx` for `waiter`.
    #[inline]
    pub(crate) fn poll(&self, waiter: &mut Waiter, cx: &mut Context<'_>) -> Poll<()> {
        // Acquire: as in `is_set`.
        let state = self.state.load(Acquire);
        if state == UNSET && waiter.will_wake(cx.waker()) {
            Poll::Pending // no lock
        } else if self.see() {
            Poll::Ready(())
        } else {
            self.register(waiter, cx.waker())
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

    /// Whether a waker can be registered. No ordering: the lock of the waiters provides it.
    fn can_wait(&self) -> bool {
        self.state.load(Relaxed) <= SETTING
    }

    /// No waker can be registered: the latch is set, or L6 holds, or there is no room.
    fn poll_again(&self, waker: &Waker) -> Poll<()> {
        if !self.is_set() {
            nap(FALLBACK_POLL);
        }
        self.wake_all(); // L6: for the detached waker
        if self.see() {
            return Poll::Ready(());
        }
        waker.wake_by_ref();
        Poll::Pending
    }

    /// Registers a waker that no future polls, until the latch is set. There is one for each latch.
    #[cfg(feature = "blocking")]
    pub(crate) fn register_detached(&self, waker: Waker) {
        *lock(&self.detached) = Some(waker);
        self.start_watching();
        self.wake_all(); // L4: it may be set by now
    }

    fn wake_detached(&self) {
        let waker = lock(&self.detached).take();
        waker.into_iter().for_each(wake);
    }

    /// Has `thread` unparked when there is a waiter.
    #[cfg(feature = "blocking")]
    pub(crate) fn set_thread(&self, thread: Thread) {
        let _ = self.thread.thread.set(thread); // one backend, one thread
    }

    fn start_watching(&self) {
        let Some(thread) = self.thread.thread.get() else { return };
        // Relaxed: unparking is what orders the two threads.
        let is_watching = &self.thread.is_watching;
        if !is_watching.load(Relaxed) && !is_watching.swap(true, Relaxed) {
            thread.unpark();
        }
    }

    /// Whether there has been a waiter.
    #[cfg(feature = "blocking")]
    pub(crate) fn is_watching(&self) -> bool {
        self.thread.is_watching.load(Relaxed)
    }

    /// Removes the waker that `poll` keeps for `waiter`, if there is one.
    pub(crate) fn deregister(&self, waiter: &mut Waiter) {
        let key = std::mem::take(waiter).key;
        if key != Key::NONE && !self.is_set() {
            self.waiters.remove(key); // after SET `wake_all` takes them all
        }
    }
}
