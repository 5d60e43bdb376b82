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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_fits_the_duration() {
        let shown = |milliseconds| HumanDuration(Duration::from_millis(milliseconds)).to_string();
        assert_eq!(HumanDuration(Duration::from_nanos(999_999)).to_string(), "0 ms");
        assert_eq!((shown(1), shown(949)), ("1 ms".into(), "949 ms".into()));
        assert_eq!((shown(1_000), shown(5_180)), ("1.0 s".into(), "5.2 s".into()));
        assert_eq!((shown(10_000), shown(59_900)), ("10.0 s".into(), "59.9 s".into()));
        assert_eq!((shown(60_000), shown(3_599_999)), ("1m 00s".into(), "1h 00m".into()));
        assert_eq!((shown(3_600_000), shown(97_500_000)), ("1h 00m".into(), "27h 05m".into()));
        assert_eq!(HumanDuration(Duration::MAX).to_string(), "no limit");
    }

    #[test]
    fn a_thousand_years_are_no_limit() {
        assert!(!HumanDuration(NO_LIMIT).is_unlimited());
        assert!(HumanDuration(NO_LIMIT + Duration::from_secs(1)).is_unlimited());
    }

    #[test]
    fn a_rounded_time_has_the_unit_that_fits_it() {
        let shown = |milliseconds| HumanDuration(Duration::from_millis(milliseconds)).to_string();
        assert_eq!((shown(999), shown(7_951)), ("1.0 s".into(), "8.0 s".into()));
        assert_eq!((shown(59_949), shown(59_950)), ("59.9 s".into(), "1m 00s".into()));
    }
}
