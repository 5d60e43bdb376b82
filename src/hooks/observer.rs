//! Observers: what a program can hear of its shutdown.

use std::time::Duration;

use super::event::Event;

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
