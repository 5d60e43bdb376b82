//! What a signal sets: the latch of a `ShutdownSignal`, or a mark of a `SignalStream`.

use std::sync::Arc;
use std::time::Duration;

use crate::listen::listener::Arrival;
use crate::listen::stream::PendingSignals;
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
}
