//! Wakes the driver at the next deadline, on any executor.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::thread;
use std::time::{Duration, Instant};

// Invariants
//
// T1  Each change of an alarm's state notifies under the lock, so `serve` never sleeps past one.
// T2  No waker is cloned, woken or dropped under the lock.

/// How often the driver looks at its deadlines by itself if there is no thread to wake it.
const FALLBACK_POLL: Duration = Duration::from_millis(1);

/// The driver's side. Dropping it closes the alarm.
pub(super) struct Timer {
    alarm: Arc<Alarm>,
    thread: TimerThread,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum TimerThread {
    NotStarted,
    Running,
    Refused,
}

impl Timer {
    /// If no other thread serves the alarm, the first deadline starts one.
    pub(super) fn new(alarm: Arc<Alarm>, is_served: bool) -> Self {
        let thread = if is_served { TimerThread::Running } else { TimerThread::NotStarted };
        Self { alarm, thread }
    }

    /// Wakes `waker` at this time. Replaces the time that was set before.
    pub(super) fn wake_at(&mut self, at: Instant, waker: &Waker) {
        self.start();
        if self.thread == TimerThread::Refused {
            // This keeps the executor busy, but the deadlines hold.
            thread::sleep(FALLBACK_POLL);
            return waker.wake_by_ref();
        }
        self.alarm.set(at, waker);
    }

    fn start(&mut self) {
        if self.thread == TimerThread::NotStarted {
            let alarm = Arc::clone(&self.alarm);
            let thread = thread::Builder::new().name("signoff-timer".into());
            let started = thread.spawn(move || alarm.serve(None));
            self.thread = if started.is_ok() { TimerThread::Running } else { TimerThread::Refused };
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.alarm.close();
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
    waker: Option<Waker>,
    is_closed: bool,
}

impl State {
    fn is_set_to(&self, at: Instant, waker: &Waker) -> bool {
        self.at == Some(at) && self.waker.as_ref().is_some_and(|known| known.will_wake(waker))
    }
}

impl Alarm {
    /// Wakes the driver at its alarms, on this thread. Returns at `end`, or if the alarm is closed.
    pub(super) fn serve(&self, end: Option<Instant>) {
        let mut state = self.lock();
        while !state.is_closed && end.is_none_or(|end| Instant::now() < end) {
            if state.at.is_some_and(|at| at <= Instant::now()) {
                state.at = None;
                let waker = state.waker.take();
                drop(state);
                waker.into_iter().for_each(Waker::wake); // T2
                state = self.lock();
            } else {
                let next = [state.at, end].into_iter().flatten().min();
                state = self.wait(state, next);
            }
        }
    }

    /// Returns whether the driver has run all hooks.
    #[cfg(all(any(unix, windows), feature = "__signal"))]
    pub(super) fn is_closed(&self) -> bool {
        self.lock().is_closed
    }

    fn set(&self, at: Instant, waker: &Waker) {
        if self.lock().is_set_to(at, waker) {
            return;
        }
        let waker = waker.clone(); // T2
        let mut state = self.lock();
        state.at = Some(at);
        let old = state.waker.replace(waker);
        self.changed.notify_one(); // T1
        drop(state);
        drop(old); // T2
    }

    fn close(&self) {
        let mut state = self.lock();
        state.is_closed = true;
        let waker = state.waker.take();
        self.changed.notify_one(); // T1
        drop(state);
        drop(waker); // T2
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
