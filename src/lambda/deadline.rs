//! The time limit of a registration.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

/// When a registration times out. All its steps share one deadline.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline {
    at: Instant,
    timeout: Duration,
}

impl Deadline {
    pub(super) fn after(timeout: Duration) -> Self {
        // `Instant + Duration` panics if the sum is out of range.
        const LONGEST: Duration = Duration::from_secs(60 * 60);
        Self { at: Instant::now() + timeout.min(LONGEST), timeout }
    }

    /// Returns the time left, or a timeout error. Never zero: sockets read that as "no timeout".
    pub(super) fn time_left(self) -> io::Result<Duration> {
        let left = self.at.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(left) }
    }

    pub(super) fn timeout(self) -> Duration {
        self.timeout
    }
}
