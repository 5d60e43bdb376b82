//! Why and when the shutdown was requested.

use std::time::Instant;

use crate::reason::Reason;
use crate::shutdown_signal::ShutdownSignal;

/// Why and when the shutdown was requested.
pub(super) struct Request {
    pub(super) reason: Option<Reason>,
    pub(super) at: Instant,
    shutdown: Option<ShutdownSignal>,
}

impl Request {
    pub(super) fn now() -> Self {
        Self { reason: None, at: Instant::now(), shutdown: None }
    }

    pub(super) fn of(shutdown: &ShutdownSignal) -> Self {
        let at = shutdown.requested_at().unwrap_or_else(Instant::now);
        Self { reason: shutdown.reason(), at, shutdown: Some(shutdown.clone()) }
    }

    /// Returns whether the exit status is a failure even if all hooks are done.
    pub(super) fn is_failure(&self) -> bool {
        self.shutdown.as_ref().is_some_and(ShutdownSignal::is_failure)
    }
}
