//! Runs a future on the calling thread, which sleeps while the future waits.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

use crate::util::sync::{Thread, current, park, park_timeout};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

/// Returns a waker that unparks this thread.
pub(crate) fn thread_waker() -> Waker {
    Waker::from(Arc::new(Unpark(current())))
}

/// Parks this thread until it is unparked, or until the deadline. Returns false if the deadline has
/// passed already.
pub(crate) fn park_until(deadline: Option<Instant>) -> bool {
    match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
        None => park(),
        Some(left) if left.is_zero() => return false,
        Some(left) => park_timeout(left),
    }
    true
}

/// Returns `None` if the deadline passes first.
pub(crate) fn block_on<F: Future>(future: F, deadline: Option<Instant>) -> Option<F::Output> {
    let mut future = pin!(future);
    let waker = thread_waker();
    let mut cx = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return Some(output);
        }
        if !park_until(deadline) {
            return None;
        }
    }
}
