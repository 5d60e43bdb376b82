//! A plain thread that wakes the run at the next limit, whatever the executor is.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::thread;
use std::time::{Duration, Instant};

// Invariants
//
// K1  The thread is started when there is something to time, and ends soon after the clock is
//     dropped.
// K2  Whoever changes the alarm notifies under the lock, so the thread never sleeps past it.
// K3  No waker is cloned, woken or dropped under the lock.

/// How long an executor is held up at a time where the system refuses the thread.
const NAP: Duration = Duration::from_millis(1);

#[derive(Default)]
pub(super) struct Clock {
    shared: Arc<Shared>,
    state: State,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Idle,
    Running,
    /// The system refused the thread.
    Refused,
}

#[derive(Default)]
struct Shared {
    alarm: Mutex<Alarm>,
    changed: Condvar,
}

#[derive(Default)]
struct Alarm {
    at: Option<Instant>,
    waker: Option<Waker>,
    is_over: bool,
}

impl Alarm {
    fn is_set_to(&self, at: Instant, waker: &Waker) -> bool {
        self.at == Some(at) && self.waker.as_ref().is_some_and(|known| known.will_wake(waker))
    }
}

impl Clock {
    /// Wakes `waker` at this time, in place of what was said before.
    pub(super) fn wake_at(&mut self, at: Instant, waker: &Waker) {
        self.start();
        if self.state == State::Refused {
            // Asking again and again costs some time of the processor, but the limits hold.
            thread::sleep(NAP);
            waker.wake_by_ref();
            return;
        }
        if self.shared.lock().is_set_to(at, waker) {
            return;
        }
        let waker = waker.clone();
        let mut alarm = self.shared.lock();
        alarm.at = Some(at);
        let old = alarm.waker.replace(waker);
        self.shared.changed.notify_one(); // K2
        drop(alarm);
        drop(old); // K3
    }

    fn start(&mut self) {
        if self.state == State::Idle {
            let shared = Arc::clone(&self.shared);
            let thread = thread::Builder::new().name("signoff-clock".into());
            let started = thread.spawn(move || shared.tick());
            self.state = if started.is_ok() { State::Running } else { State::Refused };
        }
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        let mut alarm = self.shared.lock();
        alarm.is_over = true;
        let waker = alarm.waker.take();
        self.shared.changed.notify_one(); // K1, K2
        drop(alarm);
        drop(waker); // K3
    }
}

impl Shared {
    /// The real one also where others are models: those have no clock.
    fn lock(&self) -> MutexGuard<'_, Alarm> {
        self.alarm.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tick(&self) {
        let mut alarm = self.lock();
        while !alarm.is_over {
            let left = alarm.at.map(|at| at.saturating_duration_since(Instant::now()));
            alarm = match left {
                Some(Duration::ZERO) => {
                    alarm.at = None;
                    let waker = alarm.waker.take();
                    drop(alarm);
                    waker.into_iter().for_each(Waker::wake); // K3
                    self.lock()
                }
                Some(left) => match self.changed.wait_timeout(alarm, left) {
                    Ok((alarm, _)) => alarm,
                    Err(poisoned) => poisoned.into_inner().0,
                },
                None => self.changed.wait(alarm).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }
}
