//! What a signal sets: the latch of a `ShutdownSignal`, or a mark of a `SignalStream`.

use std::sync::Arc;
#[cfg(all(unix, feature = "blocking"))]
use std::thread::Thread;
use std::time::Duration;

use crate::listen::listener::Arrival;
use crate::listen::pending_signals::PendingSignals;
use crate::signal::latch::Latch;

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
    #[cfg(unix)]
    pub(crate) fn is_set(&self) -> bool {
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

    /// Nothing will call `wake_all`: from now on the waiters poll.
    pub(crate) fn poll_from_now_on(&self) {
        match self {
            Self::Latch(latch) => latch.poll_from_now_on(),
            Self::Stream(pending) => pending.poll_from_now_on(),
        }
    }

    fn latch(&self) -> Option<&Latch> {
        match self {
            Self::Latch(latch) => Some(latch),
            Self::Stream(_) => None,
        }
    }

    /// When the shutdown was requested, on the crate's clock. `None` for a stream. Async-signal-safe.
    pub(crate) fn requested_at(&self) -> Option<Duration> {
        self.latch()?.set_after()
    }

    /// Has `thread` unparked when there is a waiter.
    #[cfg(all(unix, feature = "blocking"))]
    pub(crate) fn set_thread(&self, thread: Thread) {
        if let Self::Latch(latch) = self {
            latch.set_thread(thread);
        }
    }

    /// Whether there has been a waiter, or may be one at any time.
    #[cfg(all(unix, feature = "blocking"))]
    pub(crate) fn is_watching(&self) -> bool {
        self.latch().is_none_or(Latch::is_watching)
    }
}
