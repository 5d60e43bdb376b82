//! The future that waits until nothing is in flight.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::InFlight;
use crate::in_flight::tracked_work::record_wait;
use crate::util::block_on;
use crate::util::sync::lock;

/// Resolves when nothing is in flight. [`InFlight::drained`] returns it.
///
/// # Cancel safety
///
/// Dropping this future loses nothing.
#[must_use = "futures do nothing unless polled"]
pub struct Drained {
    work: InFlight,
    /// Where the waker of this future is stored.
    key: Option<u64>,
}

impl Drained {
    pub(super) fn new(work: InFlight) -> Self {
        Self { work, key: None }
    }

    /// Blocks this thread until nothing is in flight.
    pub fn wait(self) {
        block_on::block_on(self, None);
    }

    /// Blocks this thread until nothing is in flight. Returns `false` on timeout.
    #[must_use]
    pub fn wait_timeout(self, timeout: Duration) -> bool {
        block_on::block_on(self, Instant::now().checked_add(timeout)).is_some()
    }
}

impl Future for Drained {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // Recorded even if nothing is in flight: a tracked task may have panicked before.
        record_wait(&self.work);
        let waker = cx.waker().clone();
        let (key, mut state) = (self.key, lock(&self.work.state));
        if state.running.is_empty() {
            drop(state);
            return Poll::Ready(());
        }
        let key = key.unwrap_or_else(|| state.new_key());
        let old = state.waiting.insert(key, waker); // F2
        drop(state);
        drop(old); // F3
        self.key = Some(key);
        Poll::Pending
    }
}

impl Drop for Drained {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            let waker = lock(&self.work.state).waiting.remove(&key);
            drop(waker); // F3
        }
    }
}

impl fmt::Debug for Drained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Drained").field(&self.work).finish()
    }
}
