//! Runs a future on the calling thread, which sleeps while the future waits.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

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

/// Parks this thread until it is unparked, or until the deadline.
pub(crate) fn park_until(deadline: Option<Instant>) {
    match deadline {
        None => park(),
        Some(deadline) => park_timeout(deadline.saturating_duration_since(Instant::now())),
    }
}

/// How long the thread sleeps at most if nothing may wake it.
const FALLBACK_POLL: Duration = Duration::from_millis(2);

/// Returns `None` if the deadline passes first.
pub(crate) fn block_on<F: Future>(future: F, deadline: Option<Instant>) -> Option<F::Output> {
    block_on_or_poll(future, deadline, || true)
}

/// Returns `None` if the deadline passes first.
///
/// Before each sleep, `is_woken` returns whether a waker will end it. If not, the future is polled again
/// and again.
pub(crate) fn block_on_or_poll<F: Future>(
    future: F,
    deadline: Option<Instant>,
    is_woken: impl Fn() -> bool,
) -> Option<F::Output> {
    let mut future = pin!(future);
    let waker = thread_waker();
    let mut cx = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return Some(output);
        }
        if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            return None;
        }
        if is_woken() {
            park_until(deadline);
        } else {
            let next = Instant::now() + FALLBACK_POLL;
            park_until(Some(deadline.map_or(next, |deadline| deadline.min(next))));
        }
    }
}
