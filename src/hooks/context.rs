//! What a hook is told.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::reason::Reason;
use crate::tracked_work::TrackedWork;

/// What a hook is told: why the process ends, and how long the hook has.
#[derive(Clone)]
pub struct HookContext {
    pub(super) reason: Option<Reason>,
    pub(super) deadline: Option<Instant>,
    pub(super) waits: Arc<TrackedWork>,
}

impl HookContext {
    /// Why the process ends; `None` where the hooks were [`run`](crate::Hooks::run) without a
    /// signal.
    #[must_use]
    pub fn reason(&self) -> Option<&Reason> {
        self.reason.as_ref()
    }

    /// When this hook is given up; `None` where the budget has no limit.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// How long this hook has from now on; [`Duration::MAX`] where the budget has no limit.
    #[must_use]
    pub fn time_left(&self) -> Duration {
        self.deadline
            .map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()))
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
