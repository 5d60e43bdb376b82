//! Wakes the driver at the next deadline, on any executor.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::ready_queue::ReadyQueue;

/// How often the driver looks at its deadlines by itself if there is no thread to wake it.
const FALLBACK_POLL: Duration = Duration::from_millis(1);

/// The driver's side of the alarm. Dropping it tells the other side that the driver has ended.
#[derive(Default)]
pub(super) struct Timer {
    alarm: Arc<Alarm>,
    /// If no thread serves the alarm, the first deadline starts one.
    is_served: bool,
}

impl Timer {
    /// Another thread serves the alarm.
    #[cfg(all(any(unix, windows), feature = "__signal"))]
    pub(super) fn served(alarm: Arc<Alarm>) -> Self {
        Self { alarm, is_served: true }
    }

    /// Wakes the driver at this time. Replaces the time that was set before.
    pub(super) fn wake_at(&mut self, at: Instant, ready: &Arc<ReadyQueue>) {
        self.is_served = self.is_served || self.start(ready);
        if self.is_served {
            self.alarm.set(at);
        } else {
            // This keeps the executor busy, but the deadlines hold.
            thread::sleep(FALLBACK_POLL);
            ready.wake_driver();
        }
    }

    fn start(&self, ready: &Arc<ReadyQueue>) -> bool {
        let (alarm, ready) = (Arc::clone(&self.alarm), Arc::clone(ready));
        let thread = thread::Builder::new().name("signoff-timer".into());
        thread.spawn(move || alarm.serve(None, &ready)).is_ok()
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.alarm.lock().has_driver_ended = true;
        self.alarm.changed.notify_one();
    }
}

/// What the driver and the thread that wakes it share.
#[derive(Default)]
pub(super) struct Alarm {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    at: Option<Instant>,
    has_driver_ended: bool,
}

impl Alarm {
    /// Wakes the driver at its deadlines, on this thread, until `end` or until the driver has ended.
    pub(super) fn serve(&self, end: Option<Instant>, ready: &ReadyQueue) {
        let mut state = self.lock();
        while !state.has_driver_ended && end.is_none_or(|end| Instant::now() < end) {
            if state.at.is_some_and(|at| at <= Instant::now()) {
                state.at = None;
                drop(state);
                ready.wake_driver();
                state = self.lock();
            } else {
                let next = [state.at, end].into_iter().flatten().min();
                state = self.wait(state, next);
            }
        }
    }

    /// Returns whether the driver has run all hooks.
    #[cfg(all(any(unix, windows), feature = "__signal"))]
    pub(super) fn has_driver_ended(&self) -> bool {
        self.lock().has_driver_ended
    }

    fn set(&self, at: Instant) {
        let before = self.lock().at.replace(at);
        if before != Some(at) {
            self.changed.notify_one();
        }
    }

    fn wait<'a>(
        &'a self,
        state: MutexGuard<'a, State>,
        until: Option<Instant>,
    ) -> MutexGuard<'a, State> {
        let Some(until) = until else {
            return self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        };
        let left = until.saturating_duration_since(Instant::now());
        match self.changed.wait_timeout(state, left) {
            Ok((state, _)) => state,
            Err(poisoned) => poisoned.into_inner().0,
        }
    }

    /// Always a real lock, since loom's models have no clock.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
