//! Why and when the shutdown was requested.

use std::sync::Arc;
use std::time::Instant;

use crate::signal::ShutdownSignal;
use crate::signal::reason::Reason;

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

    /// Returns why the exit status is a failure even if all hooks are done.
    pub(super) fn failure(&self) -> Option<Arc<str>> {
        self.shutdown.as_ref().and_then(ShutdownSignal::failure)
    }
}
