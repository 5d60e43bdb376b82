//! Futures and wakers that look over the shoulder of the one who polls.

use std::future::poll_fn;
use std::mem::ManuallyDrop;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Wake, Waker};

/// Calls `waits` once, as soon as `future` waits: from then on only its waker can wake it.
pub(crate) async fn once_pending<F: IntoFuture>(future: F, waits: impl FnOnce()) -> F::Output {
    let (mut future, mut waits) = (pin!(future.into_future()), Some(waits));
    poll_fn(|cx| {
        let poll = future.as_mut().poll(cx);
        if let (Poll::Pending, Some(waits)) = (&poll, waits.take()) {
            waits();
        }
        poll
    })
    .await
}

/// A waker that counts: how often it was woken, and how many clones of it are kept.
#[derive(Default)]
pub(crate) struct Count {
    woken: AtomicUsize,
}

impl Count {
    pub(crate) fn new() -> (Arc<Self>, Waker) {
        let count = Arc::new(Self::default());
        (Arc::clone(&count), Waker::from(count))
    }

    pub(crate) fn woken(&self) -> usize {
        self.woken.load(Ordering::SeqCst)
    }

    /// How many wakers there are beside the one that `new` returned.
    pub(crate) fn kept(self: &Arc<Self>) -> usize {
        Arc::strong_count(self) - 2
    }
}

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.woken.fetch_add(1, Ordering::SeqCst);
    }
}

/// Polls once.
pub(crate) fn poll<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    std::pin::Pin::new(future).poll(&mut Context::from_waker(waker))
}

/// A waker that does something when it is cloned: in the middle of a poll.
pub(crate) struct OnClone {
    inner: Waker,
    act: fn(),
}

impl OnClone {
    pub(crate) fn waker(inner: &Waker, act: fn()) -> Waker {
        Self::into_waker(Arc::new(Self { inner: inner.clone(), act }))
    }

    fn into_waker(this: Arc<Self>) -> Waker {
        // SAFETY: the functions of `VTABLE` keep the count of the `Arc` that the data points to.
        unsafe { Waker::from_raw(RawWaker::new(Arc::into_raw(this).cast(), &VTABLE)) }
    }
}

const VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, drop_it);

unsafe fn this(data: *const ()) -> Arc<OnClone> {
    // SAFETY: the data comes from `Arc::into_raw` in `into_waker`.
    unsafe { Arc::from_raw(data.cast()) }
}

unsafe fn clone(data: *const ()) -> RawWaker {
    // SAFETY: as above; the waker that is cloned keeps its count.
    let this = ManuallyDrop::new(unsafe { this(data) });
    (this.act)();
    RawWaker::new(Arc::into_raw(Arc::clone(&this)).cast(), &VTABLE)
}

unsafe fn wake(data: *const ()) {
    // SAFETY: as above; the waker is used up.
    unsafe { this(data) }.inner.wake_by_ref();
}

unsafe fn wake_by_ref(data: *const ()) {
    // SAFETY: as above; the waker keeps its count.
    ManuallyDrop::new(unsafe { this(data) }).inner.wake_by_ref();
}

unsafe fn drop_it(data: *const ()) {
    // SAFETY: as above; the waker is used up.
    drop(unsafe { this(data) });
}

/// A flag that one task sets and another awaits.
pub(crate) fn flag() -> (signoff::ShutdownSignal, signoff::ShutdownSignal) {
    let flag = signoff::ShutdownSignal::manual();
    (flag.clone(), flag)
}
