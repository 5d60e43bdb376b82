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
    let waker = Waker::from(Arc::new(Unpark(current())));
    let mut cx = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return Some(output);
        }
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let longest = if is_woken() { Duration::MAX } else { FALLBACK_POLL };
        match left {
            Some(left) if left.is_zero() => return None,
            None if longest == Duration::MAX => park(),
            left => park_timeout(left.unwrap_or(longest).min(longest)),
        }
    }
}
