//! The signals that a stream has not returned yet.

use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::signal::Signal;
use crate::signal::waiters::wake;
use crate::util::sync::{Mutex, lock, nap};

// Invariants
//
// G1  A signal is marked before its stream is woken. A stream registers its waker before it looks
//     for marks. So either it finds the mark, or its waker is found.
// G2  The mark is removed before the signal is returned. A signal that comes after that is another
//     one.

/// How long a stream that polls sleeps in between.
const FALLBACK_POLL: Duration = Duration::from_millis(2);

/// One mark for each signal of a stream.
pub(crate) struct PendingSignals {
    marks: Vec<(Signal, AtomicBool)>,
    waker: Mutex<Option<Waker>>,
    /// Nothing will call `wake`: the stream polls.
    is_polled: AtomicBool,
}

impl PendingSignals {
    pub(crate) fn new(signals: &[Signal]) -> Self {
        let marks = signals.iter().map(|&signal| (signal, AtomicBool::new(false)));
        let (waker, is_polled) = (Mutex::default(), AtomicBool::new(false));
        Self { marks: marks.collect(), waker, is_polled }
    }

    /// Async-signal-safe.
    pub(crate) fn mark(&self, number: i32) {
        if let Some((_, mark)) = self.marks.iter().find(|(signal, _)| signal.as_raw() == number) {
            // Release: pairs with `take`, so the program sees what came before the signal.
            mark.store(true, Ordering::Release);
        }
    }

    /// Async-signal-safe.
    #[cfg(unix)]
    pub(crate) fn is_any(&self) -> bool {
        self.marks.iter().any(|(_, mark)| mark.load(Ordering::Acquire))
    }

    /// Returns the first signal that is marked, and removes the mark (G2).
    pub(crate) fn take(&self) -> Option<Signal> {
        let found = self.marks.iter().find(|(_, mark)| mark.swap(false, Ordering::Acquire));
        found.map(|&(signal, _)| signal)
    }

    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<Signal> {
        if let Some(signal) = self.take() {
            return Poll::Ready(signal);
        }
        let old = lock(&self.waker).replace(cx.waker().clone());
        drop(old); // outside the lock, because that may run any code
        if self.is_polled.load(Ordering::Relaxed) {
            nap(FALLBACK_POLL);
            self.wake();
        }
        self.take().map_or(Poll::Pending, Poll::Ready) // G1
    }

    /// Wakes the stream.
    pub(crate) fn wake(&self) {
        let waker = lock(&self.waker).take();
        waker.into_iter().for_each(wake);
    }

    /// Nothing will call `wake`: from now on the stream polls.
    pub(crate) fn poll_from_now_on(&self) {
        self.is_polled.store(true, Ordering::Relaxed);
        self.wake(); // the lock orders the two
    }
}
