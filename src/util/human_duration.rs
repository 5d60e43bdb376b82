//! Durations for people.

use std::fmt;
use std::time::Duration;

/// Displays a duration with a unit that fits: `12 ms`, `5.1 s`, `1m 30s`, `2h 05m`, `no limit`.
#[derive(Clone, Copy)]
pub(crate) struct HumanDuration(pub(crate) Duration);

/// A thousand years: a budget as long as this is no limit.
const NO_LIMIT: Duration = Duration::from_secs(1_000 * 365 * 24 * 60 * 60);

impl HumanDuration {
    pub(crate) fn is_unlimited(self) -> bool {
        self.0 > NO_LIMIT
    }
}

impl fmt::Display for HumanDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = self.0.as_millis();
        let tenths = (milliseconds + 50) / 100; // rounded
        let seconds = tenths / 10;
        match seconds {
            _ if self.is_unlimited() => f.write_str("no limit"),
            _ if tenths < 10 => write!(f, "{milliseconds} ms"),
            0..60 => write!(f, "{seconds}.{} s", tenths % 10),
            60..3600 => write!(f, "{}m {:02}s", seconds / 60, seconds % 60),
            _ => write!(f, "{}h {:02}m", seconds / 3600, seconds / 60 % 60),
        }
    }
}
