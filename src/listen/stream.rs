//! Signals that repeat: reload the configuration, reopen the logs.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use futures_lite::Stream;

use crate::error::Error;
use crate::listen::Listening;
use crate::listen::backend::Backend;
use crate::listen::listener::Target;
use crate::signal::options::Signals;
use crate::signal::waiters::wake;
use crate::signal::{Signal, Source};
use crate::util::block_on::block_on_or_poll;
use crate::util::sync::{Mutex, lock};

/// Signals as events, again and again: for a reload, for log rotation, for a dump of the state.
///
/// [`Signals::stream`] makes one, for each signal that can be caught: also for `SIGWINCH`, `SIGCONT`,
/// `SIGTSTP` and `SIGCHLD`, which cannot request a shutdown. Several streams and [`ShutdownSignal`](crate::ShutdownSignal)s can
/// listen to the same signal: each of them gets it.
///
/// Signals that arrive before the next [`recv`](Self::recv) are one event for each kind of signal, as
/// pending signals are in POSIX. A signal that arrives after [`recv`](Self::recv) has returned is another
/// event. So a reload that starts then never misses a change that was made before the signal.
///
/// Dropping the stream restores the previous behavior of its signals. Signals that it has not
/// returned by then are discarded.
///
/// It is a [`Stream`](futures_lite::Stream) that never ends.
#[must_use = "dropping the stream stops listening"]
pub struct SignalStream {
    pending: Arc<PendingSignals>,
    listening: Listening,
}

impl Signals {
    /// Listens to these signals again and again, on the runtime of `backend`.
    ///
    /// [`forced_exit`](Self::forced_exit) has no effect on a stream. As with [`listen`](Self::listen),
    /// a signal that the process inherited as ignored stays ignored, unless
    /// [`even_if_ignored`](Self::even_if_ignored) is set.
    ///
    /// ```
    /// # use signoff::{Signal, Signals};
    /// # async fn run(Tokio: impl signoff::Backend) -> Result<(), signoff::Error> {
    /// let mut reload = Signals::new([Signal::Hangup]).even_if_ignored().stream(Tokio)?;
    /// loop {
    ///     reload.recv().await;
    ///     // read the configuration again
    /// #   break Ok(());
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`listen`](Self::listen), but only for signals that cannot be caught or that report a fault of
    /// the program is the error [`Error::NotAllowed`]. Also [`Error::NotForStreams`] if the set has
    /// [`or_stdin_closed`](Self::or_stdin_closed) or [`or_parent_exit`](Self::or_parent_exit).
    pub fn stream(self, backend: impl Backend) -> Result<SignalStream, Error> {
        let pending = Arc::new(PendingSignals::new(&self.set));
        let listening = self.start(Target::Stream(Arc::clone(&pending)), backend)?;
        Ok(SignalStream { pending, listening })
    }
}

impl SignalStream {
    /// Waits for the next signal.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no signal.
    pub async fn recv(&mut self) -> Signal {
        poll_fn(|cx| self.pending.poll(cx)).await
    }

    /// Blocks the thread until the next signal.
    ///
    /// It is for threads of your own, and works even if the runtime is blocked: the first call starts
    /// a thread that waits for the signals, unless the backend has one. If the system refuses the
    /// thread, this one looks for a signal every 2 ms.
    pub fn wait(&mut self) -> Signal {
        loop {
            if let Some(signal) = self.wait_until(None) {
                return signal;
            }
        }
    }

    /// Blocks the thread until the next signal, for at most `timeout`.
    ///
    /// Returns `None` on timeout. [`Duration::MAX`] waits indefinitely.
    pub fn wait_timeout(&mut self, timeout: Duration) -> Option<Signal> {
        self.wait_until(Instant::now().checked_add(timeout))
    }

    fn wait_until(&mut self, deadline: Option<Instant>) -> Option<Signal> {
        let is_woken = || !self.listening.in_owner_process() || self.listening.start_thread();
        block_on_or_poll(poll_fn(|cx| self.pending.poll(cx)), deadline, is_woken)
    }
}

impl Stream for SignalStream {
    type Item = Signal;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Signal>> {
        self.pending.poll(cx).map(Some)
    }
}

impl fmt::Debug for SignalStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignalStream")
            .field("signals", &self.listening.signals)
            .finish_non_exhaustive()
    }
}

// Invariants
//
// G1  A signal is marked before its stream is woken. A stream registers its waker before it looks
//     for marks. So either it finds the mark, or its waker is found.
// G2  The mark is removed before the signal is returned. A signal that comes after that is another
//     one.

/// The signals that a stream has not returned yet: one mark for each of its signals.
pub(crate) struct PendingSignals {
    marks: Vec<(Signal, AtomicBool)>,
    waker: Mutex<Option<Waker>>,
}

impl PendingSignals {
    fn new(signals: &[Signal]) -> Self {
        let marks = signals.iter().map(|&signal| (signal, AtomicBool::new(false)));
        Self { marks: marks.collect(), waker: Mutex::default() }
    }

    /// Async-signal-safe.
    pub(crate) fn mark(&self, number: i32) {
        if let Some((_, mark)) = self.marks.iter().find(|(signal, _)| signal.as_raw() == number) {
            // Release: pairs with `take`, so the program sees what came before the signal.
            mark.store(true, Ordering::Release);
        }
    }

    /// Async-signal-safe.
    pub(crate) fn is_any(&self) -> bool {
        self.marks.iter().any(|(_, mark)| mark.load(Ordering::Acquire))
    }

    /// Returns the first signal that is marked, and removes the mark (G2).
    fn take(&self) -> Option<Signal> {
        let found = self.marks.iter().find(|(_, mark)| mark.swap(false, Ordering::Acquire));
        found.map(|&(signal, _)| signal)
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<Signal> {
        if let Some(signal) = self.take() {
            return Poll::Ready(signal);
        }
        let old = lock(&self.waker).replace(cx.waker().clone());
        drop(old); // outside the lock, because that may run any code
        self.take().map_or(Poll::Pending, Poll::Ready) // G1
    }

    /// Wakes the stream.
    pub(crate) fn wake(&self) {
        let waker = lock(&self.waker).take();
        waker.into_iter().for_each(wake);
    }
}
