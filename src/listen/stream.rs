//! Signals that repeat: reload the configuration, reopen the logs.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_lite::Stream;

use crate::error::Error;
use crate::listen::Listening;
use crate::listen::backend::Backend;
use crate::listen::pending_signals::PendingSignals;
use crate::listen::target::Target;
use crate::signal::Signal;
use crate::signal::Source;
use crate::signal::options::Signals;
use crate::util::block_on::block_on;

/// Signals as events, again and again: for a reload, for log rotation, for a dump of the state.
///
/// [`Signals::stream`] makes one. Several streams and [`ShutdownSignal`](crate::ShutdownSignal)s can
/// listen to the same signal: each of them gets it.
///
/// Signals that come before the stream is asked are one event for each kind of signal, as pending
/// signals are in POSIX. A signal that comes after [`recv`](Self::recv) has returned is another
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
    /// Listens to these signals again and again, on the runtime that `backend` stands for.
    ///
    /// [`forced_exit`](Self::forced_exit) has no effect on a stream. As with [`listen`](Self::listen),
    /// a signal that the process inherited as ignored stays ignored, unless
    /// [`even_if_ignored`](Self::even_if_ignored) is set.
    ///
    /// ```
    /// # #[cfg(feature = "smol")]
    /// # async fn run() -> Result<(), signoff::Error> {
    /// use signoff::{Signal, Signals, Smol};
    ///
    /// let mut reload = Signals::new([Signal::Hangup]).even_if_ignored().stream(Smol)?;
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
    /// As [`listen`](Self::listen).
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
    /// a thread that waits for the signals, unless the backend has one.
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
        if self.listening.in_owner_process() {
            self.listening.start_thread();
        }
        block_on(poll_fn(|cx| self.pending.poll(cx)), deadline)
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
