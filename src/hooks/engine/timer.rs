//! Wakes the driver of `run` at the next deadline, on any executor: a thread that the first deadline
//! starts. If the system refuses it, the driver wakes itself again and again.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::state::Engine;

/// How often the driver looks at its deadlines by itself if there is no thread to wake it.
const FALLBACK_POLL: Duration = Duration::from_millis(1);

/// The driver's side. Dropping it ends the thread.
#[derive(Default)]
pub(super) struct Timer {
    alarm: Arc<Alarm>,
    has_thread: bool,
}

/// What the driver and the thread share.
#[derive(Default)]
struct Alarm {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    at: Option<Instant>,
    has_driver_ended: bool,
}

impl Timer {
    /// Wakes the driver at this time. Replaces the time that was set before.
    pub(super) fn wake_at(&mut self, at: Instant, engine: &Arc<Engine>) {
        self.has_thread = self.has_thread || self.start(engine);
        if self.has_thread {
            let before = self.alarm.lock().at.replace(at);
            if before != Some(at) {
                self.alarm.changed.notify_one();
            }
        } else {
            // This keeps the executor busy, but the deadlines hold.
            thread::sleep(FALLBACK_POLL);
            engine.wake_driver();
        }
    }

    fn start(&self, engine: &Arc<Engine>) -> bool {
        let (alarm, engine) = (Arc::clone(&self.alarm), Arc::clone(engine));
        let thread = thread::Builder::new().name("signoff-timer".into());
        thread.spawn(move || alarm.serve(&engine)).is_ok()
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.alarm.lock().has_driver_ended = true;
        self.alarm.changed.notify_one();
    }
}

impl Alarm {
    fn serve(&self, engine: &Engine) {
        let mut state = self.lock();
        while !state.has_driver_ended {
            let Some(at) = state.at else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = at.saturating_duration_since(Instant::now());
            if left.is_zero() {
                state.at = None;
                drop(state);
                engine.wake_driver();
                state = self.lock();
            } else {
                let waited = self.changed.wait_timeout(state, left);
                state = waited.map_or_else(|poisoned| poisoned.into_inner().0, |(state, _)| state);
            }
        }
    }

    /// Always a real lock, since loom's models have no clock.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
