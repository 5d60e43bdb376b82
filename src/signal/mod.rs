//! The handle that users hold.

#[cfg(feature = "blocking")]
mod channel;
mod child;
#[cfg(all(unix, feature = "blocking"))]
mod fd;
mod guard;
mod kind;
pub(crate) mod latch;
pub(crate) mod options;
pub(crate) mod reason;

pub(crate) mod waiters;

use std::any::Any;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::hash::{Hash, Hasher};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_lite::future;

#[cfg(all(unix, feature = "blocking"))]
pub use self::fd::ShutdownFd;
pub use self::guard::RequestGuard;
pub use self::kind::Signal;
use self::latch::Latch;
pub use self::options::{ForcedExit, Signals};
pub use self::reason::{Process, Reason};
use self::waiters::Waiter;
use crate::util::block_on::block_on_or_poll;
use crate::util::clock;

#[doc = include_str!("../../docs/shutdown_signal.md")]
#[doc(alias = "CancellationToken")]
#[must_use = "dropping the signal stops listening"]
pub struct ShutdownSignal {
    inner: Arc<Inner>,
    waiter: Waiter,
}

/// The state that all clones share.
pub(crate) struct Inner {
    latch: Arc<Latch>,
    origin: Origin,
    channel: Channel,
}

/// The receiver that `channel` clones. Type-erased, so that crossbeam is linked only if `channel` is
/// called.
type Channel = OnceLock<Box<dyn Any + Send + Sync>>;

/// The source that sets the latch, in addition to `request`.
pub(crate) enum Origin {
    Manual,
    System(Box<dyn Source>),
    /// Keeps the parent alive, and holds the registration that wakes this child.
    Parent {
        inner: Arc<Inner>,
        waiter: Waiter,
    },
}

/// Where signals come from. Dropped with the last clone.
pub(crate) trait Source: Send + Sync {
    /// Returns false in a forked child.
    fn in_owner_process(&self) -> bool;

    /// Whether a second Ctrl-C ends the process.
    fn forces_exit(&self) -> bool;

    /// The program has set the latch: wakes the threads in `wait`.
    fn wake(&self);

    /// Blocks the thread until the latch is set or the deadline has passed. Returns false if the
    /// platform has no descriptor to wait for.
    fn wait(&self, deadline: Option<Instant>) -> bool;

    /// Makes sure that a thread calls `wake_all`, even if the backend's runtime is blocked. Returns
    /// false if the system refuses the thread.
    fn start_thread(&self) -> bool;
}

impl Inner {
    /// A forked child shares the source with its parent, which must not see what the child requests.
    fn source(&self) -> Option<&dyn Source> {
        match &self.origin {
            Origin::System(source) if source.in_owner_process() => Some(&**source),
            _ => None,
        }
    }
}

impl ShutdownSignal {
    /// Makes a signal that only [`request`](Self::request) sets: for tests, for embedding, and for
    /// libraries, which should leave the signals of the process to the program.
    pub fn manual() -> Self {
        Self::new(Arc::default(), Origin::Manual)
    }

    pub(crate) fn new(latch: Arc<Latch>, origin: Origin) -> Self {
        let inner = Inner { latch, origin, channel: Channel::default() };
        Self { inner: Arc::new(inner), waiter: Waiter::default() }
    }

    pub(crate) fn latch(&self) -> &Arc<Latch> {
        &self.inner.latch
    }

    /// Requests the shutdown. Any clone may do that.
    ///
    /// The first request or signal wins: [`reason`](Self::reason) returns that one. Returns true if
    /// this call was the first.
    #[doc(alias = "cancel")]
    pub fn request(&self, why: impl Into<Arc<str>>) -> bool {
        self.request_for(Reason::Request(why.into()))
    }

    /// Requests the shutdown for the reason of another one.
    pub(crate) fn request_for(&self, reason: Reason) -> bool {
        let is_first = self.latch().set_by_request(reason);
        if is_first {
            self.source().into_iter().for_each(Source::wake);
            self.latch().wake_all();
        }
        is_first
    }

    /// Requests the shutdown because of a failure: the exit status is 1 even if all hooks are done.
    /// Returns true if this call was the first request.
    ///
    /// The status is 1 even if another request or a signal came first. The report has the message then,
    /// too: that of the first call of this method.
    ///
    /// ```
    /// # let shutdown = signoff::ShutdownSignal::manual();
    /// shutdown.fail("the listener is broken");
    /// assert_eq!(shutdown.wait().to_string(), "request: the listener is broken");
    /// ```
    pub fn fail(&self, why: impl Into<Arc<str>>) -> bool {
        let why = why.into();
        self.latch().set_failure(Arc::clone(&why));
        self.request(why)
    }

    /// Returns the message of the first [`fail`](Self::fail).
    pub(crate) fn failure(&self) -> Option<Arc<str>> {
        self.latch().failure().cloned()
    }

    /// Returns whether a shutdown is requested: one atomic load.
    ///
    /// True as soon as the signal handler has run, even if the runtime is blocked. So it also fits a
    /// plain loop: `while !shutdown.is_requested() { … }`.
    #[doc(alias = "is_cancelled")]
    #[inline]
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.latch().is_set()
    }

    /// Returns the reason for the shutdown, or `None` if none was requested.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        self.latch().reason()
    }

    /// When the signal arrived or the shutdown was requested.
    pub(crate) fn requested_at(&self) -> Option<Instant> {
        self.latch().set_after().map(clock::instant)
    }

    /// Waits until a shutdown is requested, and returns the reason.
    ///
    /// Awaiting `&shutdown` waits without the reason.
    ///
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let shutdown = signoff::ShutdownSignal::manual();
    /// shutdown.request("deploy");
    /// assert_eq!(shutdown.requested().await.to_string(), "request: deploy");
    /// # });
    /// ```
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no signal and leaves nothing behind.
    #[doc(alias = "cancelled")]
    pub async fn requested(&self) -> Reason {
        loop {
            self.await;
            if let Some(reason) = self.reason() {
                return reason;
            }
        }
    }

    /// Blocks the thread until a shutdown is requested, and returns the reason.
    ///
    /// It is for threads of your own. In async code it would block the executor: await the signal
    /// instead. The signal handler wakes the thread directly, without a runtime and without another
    /// thread.
    pub fn wait(&self) -> Reason {
        loop {
            if let Some(reason) = self.wait_until(None) {
                return reason;
            }
        }
    }

    /// Blocks the thread until a shutdown is requested, for at most `timeout`.
    ///
    /// Returns `None` on timeout. [`Duration::MAX`] waits indefinitely.
    pub fn wait_timeout(&self, timeout: Duration) -> Option<Reason> {
        self.wait_until(Instant::now().checked_add(timeout))
    }

    fn wait_until(&self, deadline: Option<Instant>) -> Option<Reason> {
        if !self.source().is_some_and(|source| source.wait(deadline)) {
            block_on_or_poll(Wait::on(self.latch()), deadline, || self.start_thread());
        }
        self.reason()
    }

    /// `None` if there is none, as for a child, and in a forked child.
    fn source(&self) -> Option<&dyn Source> {
        self.inner.source()
    }

    /// Returns false in a forked child for a signal that listens.
    pub(crate) fn is_of_this_process(&self) -> bool {
        let root = self.root();
        matches!(root.origin, Origin::Manual) || root.source().is_some()
    }

    /// Returns what a Ctrl-C does now, if it ends the process because a shutdown is requested.
    pub(crate) fn ctrl_c_hint(&self) -> Option<&'static str> {
        let root = self.root();
        // A child that was requested alone leaves the first Ctrl-C to its root.
        let forces_exit = root.latch.is_set() && root.source().is_some_and(Source::forces_exit);
        let hint = match self.reason() {
            Some(Reason::Signal { signal: Signal::Interrupt, .. }) => "Ctrl-C again to quit",
            _ => "Ctrl-C to quit",
        };
        forces_exit.then_some(hint)
    }

    /// The signal that this one is a descendant of, or itself.
    fn root(&self) -> &Inner {
        let mut root = &*self.inner;
        while let Origin::Parent { inner, .. } = &root.origin {
            root = inner;
        }
        root
    }

    /// Has a thread wake the waiters, even if the runtime of the backend is blocked. Returns false if
    /// the system refuses the thread.
    pub(crate) fn start_thread(&self) -> bool {
        self.root().source().is_none_or(Source::start_thread)
    }

    /// The receiver that `channel` clones; `make` gets a clone that keeps the origin, if there is
    /// one.
    pub(crate) fn channel_or_init<T: Clone + Send + Sync + 'static>(
        &self,
        make: impl Fn(Option<Self>) -> T,
    ) -> T {
        let is_manual = matches!(self.inner.origin, Origin::Manual);
        let make = || make((!is_manual).then(|| self.clone()));
        let channel = self.inner.channel.get_or_init(|| Box::new(make()));
        self.start_thread();
        channel.downcast_ref().cloned().unwrap_or_else(make) // it has no other type
    }

    /// Runs `future` until it completes or a shutdown is requested. Returns `None` if the shutdown
    /// came first.
    ///
    /// The signal is polled first, every time. So a loop ends even if its work is always ready, and
    /// after the request `future` is not polled at all.
    ///
    /// ```
    /// # use signoff::ShutdownSignal;
    /// # struct Jobs(u32);
    /// # impl Jobs { async fn next(&mut self) -> Option<u32> { self.0 = self.0.checked_sub(1)?; Some(self.0) } }
    /// # async fn run(shutdown: ShutdownSignal, mut jobs: Jobs) {
    /// while let Some(Some(job)) = shutdown.run_until_requested(jobs.next()).await {
    ///     println!("{job}"); // the loop ends with the jobs, or with the shutdown
    /// }
    /// # }
    /// # futures_lite::future::block_on(run(ShutdownSignal::manual(), Jobs(2)));
    /// ```
    ///
    /// # Cancel safety
    ///
    /// `future` is dropped if the shutdown comes first, as in a `select!`.
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
        Self { inner: Arc::clone(&self.inner), waiter: Waiter::default() }
    }
}

/// Clones are equal. A child is not equal to its parent.
impl PartialEq for ShutdownSignal {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }
}

impl Eq for ShutdownSignal {}

impl Hash for ShutdownSignal {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.inner).hash(state);
    }
}

impl Drop for ShutdownSignal {
    fn drop(&mut self) {
        self.inner.latch.deregister(&mut self.waiter);
    }
}

impl Future for ShutdownSignal {
    type Output = ();

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self { inner, waiter } = self.get_mut();
        inner.latch.poll(waiter, cx)
    }
}

impl<'a> IntoFuture for &'a ShutdownSignal {
    type Output = ();
    type IntoFuture = Wait<'a>;

    fn into_future(self) -> Wait<'a> {
        Wait::on(self.latch())
    }
}

impl fmt::Debug for ShutdownSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShutdownSignal").field("reason", &self.reason()).finish()
    }
}

/// The future of `&shutdown`: waits for a [`ShutdownSignal`] by reference.
///
/// # Cancel safety
///
/// Dropping it loses no signal and leaves nothing behind.
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
        self.latch.deregister(&mut self.waiter);
    }
}

impl fmt::Debug for Wait<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait").field("requested", &self.latch.is_set()).finish()
    }
}
