//! Observers: what a program can hear of its shutdown, each on a thread of its own.

use super::event::Event;
use crate::util::panic::catch_panic;
use std::convert::Infallible;
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

/// Receives the events of a shutdown, for example to log them or to show its progress.
///
/// A closure that takes an `&Event` is an observer. [`observe`](crate::Hooks::observe) has an example.
///
/// An observer never delays the hooks. It runs on a thread of its own, which starts with the first
/// event. If it is slow, later events wait in a queue. If it panics, it misses that event only.
/// When the hooks have ended, it has at most 100 ms to handle the remaining events. Then it is
/// dropped, or left behind if it still blocks.
pub trait Observer: Send + 'static {
    /// Handles one event. Events arrive in their order, one at a time.
    fn on_event(&mut self, event: &Event);

    /// Returns how often [`Event::Running`] comes while hooks run: once a second by default, and
    /// at most 100 times a second.
    fn interval(&self) -> Duration {
        Duration::from_secs(1)
    }

    /// Returns whether it shows the user what the process waits for. Then
    /// [`exit_on`](crate::Hooks::exit_on) prints no lines about that. The default is false.
    fn shows_progress(&self) -> bool {
        false
    }
}

impl<F: FnMut(&Event) + Send + 'static> Observer for F {
    fn on_event(&mut self, event: &Event) {
        self(event);
    }
}

// Invariants
//
// E1  Events are sent under the lock that guards the state of the hooks. So they arrive in the order
//     in which the state changed.
// E2  The code of an observer, its drop included, runs on its own thread under `catch_panic`.
// E3  A queue holds at most two events for each hook. `Running` is not queued: the observer's thread
//     makes it when it is due, so a slow observer never finds an old one.

const SECOND: Duration = Duration::from_secs(1);
/// The times between two `Running` that an observer can choose. The longest one is as good as never.
const INTERVALS: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1_000_000));

/// The queues of all observers. Without observers there are none, and nothing is started.
#[derive(Default)]
pub(super) struct ObserverThreads {
    queues: Vec<Sender<Arc<Event>>>,
    /// Disconnected by the last thread that ends.
    ended: Option<Receiver<Infallible>>,
}

impl ObserverThreads {
    /// Starts a thread for each observer. If the system refuses one, that observer hears nothing.
    ///
    /// `running` returns what runs, for [`Event::Running`].
    pub(super) fn start<R>(observers: Vec<Box<dyn Observer>>, running: &R) -> Self
    where
        R: Fn() -> Option<Event> + Clone + Send + 'static,
    {
        if observers.is_empty() {
            return Self::default();
        }
        let (alive, ended) = mpsc::channel();
        let start = |observer| start(observer, running.clone(), alive.clone());
        Self { queues: observers.into_iter().filter_map(start).collect(), ended: Some(ended) }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }

    pub(super) fn send(&self, event: &Arc<Event>) {
        for queue in &self.queues {
            let _ = queue.send(Arc::clone(event)); // the thread ends after its queue
        }
    }

    /// Closes the queues and waits until all events are handled, but not for an observer that blocks.
    pub(super) fn finish(&mut self, timeout: Duration) {
        self.queues.clear();
        if let Some(ended) = self.ended.take() {
            let _ = ended.recv_timeout(timeout);
        }
    }
}

fn start(
    observer: Box<dyn Observer>,
    running: impl Fn() -> Option<Event> + Send + 'static,
    alive: Sender<Infallible>,
) -> Option<Sender<Arc<Event>>> {
    let (queue, events) = mpsc::channel();
    // Without a thread it is leaked: a drop here could block the hooks (E2).
    let observer = ManuallyDrop::new(observer);
    let observe = move || {
        observe(ManuallyDrop::into_inner(observer), &events, running);
        drop(alive);
    };
    let thread = thread::Builder::new().name("signoff-observer".into());
    thread.spawn(observe).ok().map(|_| queue)
}

/// The thread of one observer.
fn observe(
    mut observer: Box<dyn Observer>,
    events: &Receiver<Arc<Event>>,
    running: impl Fn() -> Option<Event>,
) {
    let interval = catch_panic(|| observer.interval()).unwrap_or(SECOND); // E2
    let interval = interval.clamp(INTERVALS.0, INTERVALS.1);
    let mut tick = Instant::now() + interval;
    loop {
        let event = match events.recv_timeout(tick.saturating_duration_since(Instant::now())) {
            Ok(event) => Some(event),
            Err(RecvTimeoutError::Timeout) => {
                tick = Instant::now() + interval;
                running().map(Arc::new)
            }
            Err(RecvTimeoutError::Disconnected) => break,
        };
        let _ = catch_panic(|| event.iter().for_each(|event| observer.on_event(event))); // E2
        let _ = catch_panic(|| drop(event)); // it may own the error of a hook
    }
    let _ = catch_panic(|| drop(observer));
}
