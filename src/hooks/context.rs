//! What a hook can find out about the shutdown.

use std::fmt;
use std::time::{Duration, Instant};

use super::event::time_left;
use crate::signal::reason::Reason;

/// Why the process shuts down, and how much time a hook has.
#[derive(Clone)]
pub struct HookContext {
    pub(super) reason: Option<Reason>,
    pub(super) deadline: Option<Instant>,
}

impl HookContext {
    /// Returns the reason for the shutdown, or `None` if the hooks were [`run`](crate::Hooks::run)
    /// without a signal.
    #[must_use]
    pub fn reason(&self) -> Option<&Reason> {
        self.reason.as_ref()
    }

    /// Returns the time at which this hook times out, or `None` if it has no limit.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Returns how much time this hook has from now on, or `None` if it has no limit.
    #[must_use]
    pub fn time_left(&self) -> Option<Duration> {
        time_left(self.deadline)
    }
}

impl fmt::Debug for HookContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HookContext")
            .field("reason", &self.reason)
            .field("time_left", &self.time_left())
            .finish_non_exhaustive()
    }
}
