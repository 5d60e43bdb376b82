//! One piece of work, as the report names it.

use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, Instant};

use crate::util::human_duration::HumanDuration;

/// A piece of work in flight: its name, and how long it has been running.
///
/// ```
/// let in_flight = signoff::InFlight::new();
/// let _guard = in_flight.enter("GET /report");
/// assert!(in_flight.entries()[0].to_string().starts_with("GET /report ("));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InFlightEntry {
    name: Cow<'static, str>,
    running_for: Duration,
}

impl InFlightEntry {
    pub(super) fn new(name: Cow<'static, str>, since: Instant) -> Self {
        Self { name, running_for: since.elapsed() }
    }

    /// Returns the name of the work.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns how long the work had been running when this entry was created.
    #[must_use]
    pub fn running_for(&self) -> Duration {
        self.running_for
    }
}

impl fmt::Display for InFlightEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, HumanDuration(self.running_for))
    }
}
