//! One call of `listen` or `stream`, as a signal handler sees it.
//!
//! The handler records a signal with every listener of that signal, and then wakes them. A listener
//! passes the signal on to its target: the latch of a `ShutdownSignal`, or the marks of a
//! `SignalStream`. Before that it decides whether the signal forces the exit. To wake its waiters, it
//! makes a descriptor readable that the backend watches; on Windows the handler wakes them itself.
//!
//! The listener of a `ShutdownSignal` is *spent* once one of its signals has arrived. If the last clone
//! is dropped then, the listener stays registered until the next `listen`, so that a forced exit works
//! and no default action ends the process in the middle of a shutdown.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Thread;
use std::time::{Duration, Instant};

use crate::listen::backend::Fallback;
use crate::listen::os::{self, WakeFd};
use crate::listen::stream::PendingSignals;
use crate::signal::Signal;
use crate::signal::latch::Latch;
use crate::signal::options::ForcedExit;
use crate::signal::reason::Process;
use crate::util::owner::Owner;
use crate::util::sync::Mutex;

/// A signal sooner than this after the request is the same press of Ctrl-C, or a duplicate of the
/// signal: terminals and parent processes sometimes deliver one press twice.
const DEBOUNCE: Duration = Duration::from_millis(250);

/// A signal as its handler gets it.
#[derive(Clone, Copy)]
pub(crate) struct Arrival {
    pub(crate) signal: i32,
    pub(crate) sender: Option<Process>,
    /// False if another process sent the signal. True if that is not known.
    pub(crate) is_typed: bool,
    /// On the crate's clock.
    pub(crate) at: Duration,
}

/// One call of `listen` or `stream`. It owns its target: a handler may use it while the last clone of the
/// signal is being dropped.
pub(crate) struct Listener {
    target: Target,
    pub(super) wake_fd: WakeFd,
    forced_exit: ForcedExit,
    /// A forked child has a copy of all this and must not wake its parent.
    owner: Owner,
    /// One of its signals has arrived.
    is_spent: AtomicBool,
    /// A `SIGINT` has arrived.
    is_interrupted: AtomicBool,
    /// No clone of the signal is left.
    is_closed: AtomicBool,
    pub(super) fallback: Mutex<Fallback>,
}

impl Listener {
    pub(crate) fn new(target: Target, forced_exit: ForcedExit) -> io::Result<Self> {
        Ok(Self {
            target,
            wake_fd: WakeFd::new()?,
            forced_exit,
            owner: Owner::current(),
            is_spent: AtomicBool::new(false),
            is_interrupted: AtomicBool::new(false),
            is_closed: AtomicBool::new(false),
            fallback: Mutex::default(),
        })
    }

    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    /// Returns false in a forked child.
    pub(crate) fn in_owner_process(&self) -> bool {
        self.owner.is_current()
    }

    /// Records a signal. Async-signal-safe. Does not return if the signal forces the exit.
    pub(crate) fn record(&self, arrival: Arrival) {
        let is_interrupt = arrival.signal == Signal::Interrupt.as_raw();
        // Relaxed: only handlers read `is_interrupted`, and a `DELIVERIES` of 0 orders `is_spent`.
        let is_repeated = self.is_spent.swap(true, Ordering::Relaxed);
        let is_interrupted =
            is_interrupt && self.is_interrupted.swap(true, Ordering::Relaxed) | arrival.is_typed;
        let is_candidate = match self.forced_exit {
            ForcedExit::Interrupt => is_interrupted,
            ForcedExit::Any => is_repeated || is_interrupted,
            ForcedExit::Never => false,
        };
        if is_candidate && self.is_under_way(arrival.at) {
            os::exit::by_signal(Signal::from_raw(arrival.signal));
        }
        self.target.record(arrival);
    }

    /// Whether a shutdown, requested by a signal or by the program, began long enough ago.
    fn is_under_way(&self, now: Duration) -> bool {
        // Saturating: a handler on another thread may have read the clock first and come here later.
        self.target.requested_at().is_some_and(|at| now.saturating_sub(at) >= DEBOUNCE)
    }

    /// Whether a second Ctrl-C ends the process.
    pub(crate) fn forces_exit(&self) -> bool {
        self.forced_exit != ForcedExit::Never
    }

    /// Whether one of its signals has arrived. Exact once the listener is in no list.
    pub(crate) fn is_spent(&self) -> bool {
        self.is_spent.load(Ordering::Relaxed)
    }

    /// Whether it waits for the first signal of a shutdown.
    pub(crate) fn awaits_shutdown(&self) -> bool {
        !self.target.repeats() && !self.is_spent()
    }

    /// Whether a shutdown is requested, by a signal or by the program. Async-signal-safe.
    pub(crate) fn is_requested(&self) -> bool {
        !self.target.repeats() && self.target.is_set()
    }

    /// Makes the descriptor readable, if the target is set. Async-signal-safe.
    pub(crate) fn wake_if_set(&self) {
        if self.target.is_set() {
            self.wake_fd.wake();
        }
    }

    /// Makes the descriptor readable: the program has set the latch, or a lifeline.
    pub(crate) fn wake(&self) {
        os::outlive_hangup();
        self.wake_fd.wake();
    }

    /// No clone of the signal is left, so there is nothing to wait for.
    pub(crate) fn close(&self) {
        // Release: pairs with `is_closed`.
        self.is_closed.store(true, Ordering::Release);
        self.wake_fd.wake();
        if let Target::Latch(latch) = &self.target {
            latch.waiters.unpark();
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    /// Whether there is nothing to wait for: the target is set, or no clone is left.
    pub(crate) fn is_over(&self) -> bool {
        self.target.is_set() || self.is_closed()
    }

    /// Blocks the thread until the target may be set, or the deadline has passed. Returns false if
    /// there is no descriptor to wait for.
    pub(crate) fn wait(&self, deadline: Option<Instant>) -> bool {
        if self.target.repeats() {
            self.wake_fd.wait_readable()
        } else {
            self.wake_fd.wait(|| self.is_over(), deadline)
        }
    }

    /// Leaves the descriptor to threads in `wait` until there is another waiter. `thread` is unparked
    /// then: a second thread that runs at the moment of the signal would slow them down.
    pub(crate) fn set_parked_thread(&self, thread: &Thread) {
        match &self.target {
            Target::Latch(latch) => latch.waiters.set_thread(thread.clone()),
            Target::Stream(_) => thread.unpark(),
        }
    }

    /// Wakes the waiters, if the target is set. Returns whether a backend has nothing left to wait for.
    pub(crate) fn wake_all(&self) -> bool {
        if self.target.repeats() {
            self.drain();
        }
        self.target.wake_all() || self.is_closed()
    }

    /// F2. A listener that is closed stays readable, so that every thread that waits for it ends.
    fn drain(&self) {
        self.wake_fd.drain();
        if self.is_closed() {
            self.wake_fd.wake();
        }
    }
}

/// The target of a signal: the latch of a `ShutdownSignal`, or a mark of a `SignalStream`.
///
/// A signal handler uses it while its owner is being dropped, so it is shared.
pub(crate) enum Target {
    Latch(Arc<Latch>),
    Stream(Arc<PendingSignals>),
}

impl Target {
    /// Async-signal-safe.
    pub(crate) fn record(&self, arrival: Arrival) {
        match self {
            Self::Latch(latch) => latch.set_by_signal(arrival.signal, arrival.sender, arrival.at),
            Self::Stream(pending) => pending.mark(arrival.signal),
        }
    }

    /// Whether there is something to see. Async-signal-safe.
    fn is_set(&self) -> bool {
        match self {
            Self::Latch(latch) => latch.is_set(),
            Self::Stream(pending) => pending.is_any(),
        }
    }

    /// Whether more signals count after the first one.
    pub(crate) fn repeats(&self) -> bool {
        matches!(self, Self::Stream(_))
    }

    /// Wakes the waiters. Returns whether no other signal counts.
    pub(crate) fn wake_all(&self) -> bool {
        match self {
            Self::Latch(latch) => latch.wake_all(),
            Self::Stream(pending) => {
                pending.wake();
                false
            }
        }
    }

    pub(crate) fn latch(&self) -> Option<&Latch> {
        match self {
            Self::Latch(latch) => Some(latch),
            Self::Stream(_) => None,
        }
    }

    /// When the shutdown was requested, on the crate's clock. `None` for a stream. Async-signal-safe.
    pub(crate) fn requested_at(&self) -> Option<Duration> {
        self.latch()?.set_after()
    }
}
