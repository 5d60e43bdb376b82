//! Repeated signals: which of them end the process, and when.

use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::time::Duration;

use super::exit;
use crate::signal::Signal;
use crate::signal::options::ForcedExit;
use crate::util::clock;
use crate::util::os::terminal_view;

/// A signal sooner than this after the first one is the same press.
const DEBOUNCE: Duration = Duration::from_millis(250);

/// When the first signal came, and which later ones end the process.
pub(super) struct RepeatState {
    policy: AtomicU8,
    /// Milliseconds on the crate's clock, wrapping; 0 before the first signal.
    first: AtomicU32,
}

const DISABLED: u8 = 0;
const INTERRUPT: u8 = 1;
const ANY: u8 = 2;
const NEVER: u8 = 3;

/// What a signal is in the order of signals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    First,
    SamePress,
    Again,
}

impl RepeatState {
    /// No shutdown is under way.
    pub(super) const fn disabled() -> Self {
        Self { policy: AtomicU8::new(DISABLED), first: AtomicU32::new(0) }
    }

    pub(super) fn new(policy: ForcedExit) -> Self {
        let policy = match policy {
            ForcedExit::Interrupt => INTERRUPT,
            ForcedExit::Any => ANY,
            ForcedExit::Never => NEVER,
        };
        Self { policy: AtomicU8::new(policy), ..Self::disabled() }
    }

    pub(super) fn is_enabled(&self) -> bool {
        // Acquire: pairs with `copy_from`, so the time is known as well.
        self.policy.load(Ordering::Acquire) != DISABLED
    }

    pub(super) fn disable(&self) {
        self.policy.store(DISABLED, Ordering::Relaxed);
    }

    /// Continues with the time and the policy of `other`.
    pub(super) fn copy_from(&self, other: &Self) {
        self.first.store(other.first.load(Ordering::Relaxed), Ordering::Relaxed);
        // Release: pairs with `is_enabled`.
        self.policy.store(other.policy.load(Ordering::Relaxed), Ordering::Release);
    }

    /// Counts a signal. Async-signal-safe. Does not return if the signal forces the exit.
    pub(super) fn on_signal(&self, signal: i32) -> Repeat {
        let now = clock::milliseconds().max(1);
        // Relaxed: the number stands for itself.
        match self.first.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => Repeat::First,
            Err(first) if is_same_press(first, now) => Repeat::SamePress,
            Err(_) if self.forces_exit(signal) => {
                terminal_view::erase();
                exit::with_status(exit::status_of(Signal::from_raw(signal)))
            }
            Err(_) => Repeat::Again,
        }
    }

    fn forces_exit(&self, signal: i32) -> bool {
        match self.policy.load(Ordering::Relaxed) {
            INTERRUPT => signal == Signal::Interrupt.as_raw(),
            ANY => true,
            _ => false,
        }
    }
}

/// A handler on another thread may have read the clock before the first one and come here later.
fn is_same_press(first: u32, now: u32) -> bool {
    let apart = now.wrapping_sub(first).min(first.wrapping_sub(now));
    Duration::from_millis(apart.into()) < DEBOUNCE
}

#[cfg(test)]
mod tests {
    use super::is_same_press;

    #[test]
    fn signals_within_the_debounce_time_are_one_press() {
        for first in [1, 1000, u32::MAX - 100, u32::MAX] {
            for (later, expected) in
                [(0, true), (1, true), (249, true), (250, false), (1000, false)]
            {
                assert_eq!(is_same_press(first, first.wrapping_add(later)), expected, "{later} ms");
                assert_eq!(
                    is_same_press(first.wrapping_add(later), first),
                    expected,
                    "-{later} ms"
                );
            }
        }
    }
}
