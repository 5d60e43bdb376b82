//! The handle that users hold.

use std::any::Any;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_lite::future;

use crate::block_on;
use crate::latch::{Latch, Waiter};
use crate::reason::Reason;

/// A future that resolves when the process is asked to stop.
///
/// See the [crate's page](crate) for what it promises. In short: it is made by
/// [`listen`](Self::listen) or [`manual`](Self::manual), cloned freely, awaited anywhere, and once
/// it has resolved it stays so, for every clone and for clones still to come.
///
/// It is a `Future<Output = ()> + Unpin`, so it fits whatever takes a shutdown future, and
/// `&mut shutdown` goes straight into a `select!`. [`reason`](Self::reason) tells the cause. To
/// wait by reference, without a clone, await `&shutdown`.
///
/// ```
/// # use signoff::ShutdownSignal;
/// # futures_lite::future::block_on(async {
/// let shutdown = ShutdownSignal::manual();
/// shutdown.request("the disk is full");
///
/// (&shutdown).await;
/// shutdown.clone().await; // a clone sees it too
/// shutdown.await; // and so does the last one
/// # });
/// ```
///
/// # Cancel safety
///
/// Dropping it while it waits loses nothing and leaves nothing behind.
#[must_use = "a signal that is dropped stops listening"]
pub struct ShutdownSignal {
    pub(crate) shared: Arc<Shared>,
    waiter: Waiter,
}

/// What all clones share.
#[derive(Default)]
pub(crate) struct Shared {
    /// First, so that it is dropped first: a signal handler looks at the latch until then.
    pub(crate) source: OnceLock<Box<dyn Source>>,
    pub(crate) latch: Latch,
    /// What sends to the channels, if there are any. It has no type here, so that a program which
    /// makes none is not linked with them.
    #[allow(dead_code, reason = "only channels need it")]
    pub(crate) fan: OnceLock<Arc<dyn Any + Send + Sync>>,
}

/// Where signals come from, beside `request`. Dropped with the last clone.
pub(crate) trait Source: Send + Sync {
    /// False in a forked child.
    fn is_ours(&self) -> bool;

    /// The program asked by itself: whoever blocks in `wait` has to find out.
    fn ring(&self);

    /// Blocks the thread until the latch is set or the deadline is over.
    fn wait(&self, latch: &Latch, deadline: Option<Instant>);
}

impl ShutdownSignal {
    /// A signal that only [`request`](Self::request) can set off: for tests, for embedding, and
    /// for libraries, which should leave the signals of the process to the program.
    pub fn manual() -> Self {
        Self::on(Arc::default())
    }

    pub(crate) fn on(shared: Arc<Shared>) -> Self {
        Self { shared, waiter: Waiter::default() }
    }

    /// Asks for the shutdown from inside the program. Any clone may.
    ///
    /// The first one to ask wins, be it a signal or a request: its reason is the one that
    /// [`reason`](Self::reason) tells. Returns whether this call was the first.
    pub fn request(&self, why: impl Into<Arc<str>>) -> bool {
        let first = self.shared.latch.set_by_request(why.into());
        if first {
            self.source().into_iter().for_each(Source::ring);
            self.shared.latch.announce();
        }
        first
    }

    /// Whether the shutdown was asked for: one atomic load.
    ///
    /// True as soon as the signal handler has run, whatever the runtime is doing, so it also fits
    /// a plain loop: `while !shutdown.is_requested() { … }`.
    #[inline]
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.shared.latch.is_set()
    }

    /// Why the shutdown was asked for; `None` while it was not.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        self.shared.latch.reason()
    }

    /// Blocks this thread until the shutdown is asked for.
    ///
    /// For threads of your own: in async code it would block the executor, so await instead.
    /// A signal that listens to the system wakes the thread straight from the handler, and needs
    /// neither a runtime nor another thread for it.
    pub fn wait(&self) -> Reason {
        loop {
            if let Some(reason) = self.wait_until(None) {
                return reason;
            }
        }
    }

    /// Blocks this thread until the shutdown is asked for, for `timeout` at the most.
    ///
    /// `None` when the time is over. A timeout that no clock can reach is none.
    pub fn wait_timeout(&self, timeout: Duration) -> Option<Reason> {
        self.wait_until(Instant::now().checked_add(timeout))
    }

    fn wait_until(&self, deadline: Option<Instant>) -> Option<Reason> {
        let latch = &self.shared.latch;
        match self.source() {
            Some(source) => source.wait(latch, deadline),
            None => _ = block_on::block_on(Wait::on(latch), deadline),
        }
        latch.reason()
    }

    /// `None` for a manual signal, and in a forked child: that shares the source with its parent,
    /// who must not hear of what the child asks for.
    fn source(&self) -> Option<&dyn Source> {
        self.shared.source.get().map(|source| &**source).filter(|source| source.is_ours())
    }

    /// Runs `future` until the shutdown is asked for; `None` when that came first.
    ///
    /// The signal is asked first at every poll, so a loop around `run_until_requested` ends even if its work is
    /// always ready, and the work is not begun once the shutdown was asked for.
    ///
    /// ```
    /// # use signoff::ShutdownSignal;
    /// # async fn accept() -> u32 { 7 }
    /// # async fn serve(_: u32, shutdown: &ShutdownSignal) { shutdown.request("enough"); }
    /// # async fn run() {
    /// let shutdown = ShutdownSignal::manual();
    /// while let Some(connection) = shutdown.run_until_requested(accept()).await {
    ///     serve(connection, &shutdown).await;
    /// }
    /// # }
    /// # futures_lite::future::block_on(run());
    /// ```
    ///
    /// # Cancel safety
    ///
    /// `future` is dropped when the shutdown comes first: what it had begun is given up, as in a
    /// `select!`.
    pub async fn run_until_requested<F: IntoFuture>(&self, future: F) -> Option<F::Output> {
        let shutdown = async {
            self.await;
            None
        };
        future::or(shutdown, async { Some(future.await) }).await
    }
}

impl Clone for ShutdownSignal {
    fn clone(&self) -> Self {
        Self::on(Arc::clone(&self.shared))
    }
}

impl Drop for ShutdownSignal {
    fn drop(&mut self) {
        self.shared.latch.forget(&mut self.waiter);
    }
}

impl Future for ShutdownSignal {
    type Output = ();

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self { shared, waiter } = self.get_mut();
        shared.latch.poll(waiter, cx)
    }
}

impl<'a> IntoFuture for &'a ShutdownSignal {
    type Output = ();
    type IntoFuture = Wait<'a>;

    fn into_future(self) -> Wait<'a> {
        Wait::on(&self.shared.latch)
    }
}

impl fmt::Debug for ShutdownSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShutdownSignal").field("reason", &self.reason()).finish()
    }
}

/// Waits for a [`ShutdownSignal`] by reference: what awaiting `&shutdown` is made of.
///
/// # Cancel safety
///
/// Dropping it loses nothing and leaves nothing behind.
#[must_use = "futures do nothing unless polled"]
pub struct Wait<'a> {
    latch: &'a Latch,
    waiter: Waiter,
}

impl<'a> Wait<'a> {
    pub(crate) fn on(latch: &'a Latch) -> Self {
        Self { latch, waiter: Waiter::default() }
    }
}

impl Future for Wait<'_> {
    type Output = ();

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self { latch, waiter } = self.get_mut();
        latch.poll(waiter, cx)
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        self.latch.forget(&mut self.waiter);
    }
}

impl fmt::Debug for Wait<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait").field("requested", &self.latch.is_set()).finish()
    }
}
