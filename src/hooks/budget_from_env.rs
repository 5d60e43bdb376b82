//! The budget from an environment variable.

use std::env;
use std::ffi::OsStr;
use std::time::Duration;

use super::builder::Hooks;
use crate::error::Error;

impl Hooks {
    /// Sets the [`budget`](Self::budget) to the value of an environment variable, such as `10s`,
    /// `500ms` or `1m30s`. If the variable is not set, the budget stays as it is.
    ///
    /// The units are `h`, `m`, `s` and `ms`.
    ///
    /// ```
    /// use std::time::Duration;
    /// use signoff::Hooks;
    ///
    /// let hooks = Hooks::new()
    ///     .budget(Duration::from_secs(20)) // if the variable is not set
    ///     .budget_from_env("SHUTDOWN_TIMEOUT")?;
    /// # drop(hooks);
    /// # Ok::<(), signoff::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`Error::Budget`] if the value is not a duration.
    pub fn budget_from_env(mut self, variable: &str) -> Result<Self, Error> {
        if let Some(value) = env::var_os(variable) {
            self.budget = budget(variable, &value)?;
        }
        Ok(self)
    }
}

pub(super) fn budget(variable: &str, value: &OsStr) -> Result<Duration, Error> {
    value.to_str().and_then(parse).ok_or_else(|| Error::Budget {
        variable: variable.to_owned(),
        value: value.to_string_lossy().into_owned(),
    })
}

fn parse(text: &str) -> Option<Duration> {
    let (mut total, mut rest) = parse_first(text.trim())?;
    while !rest.is_empty() {
        let (next, others) = parse_first(rest.trim_start())?;
        total = total.checked_add(next)?;
        rest = others;
    }
    Some(total)
}

/// A number with its unit, and the text after it.
fn parse_first(text: &str) -> Option<(Duration, &str)> {
    let (number, rest) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(end);
    let number: u64 = number.parse().ok()?;
    let duration = match unit {
        "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        "m" => Duration::from_secs(number.checked_mul(60)?),
        "h" => Duration::from_secs(number.checked_mul(60 * 60)?),
        _ => return None,
    };
    Some((duration, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_with_units_are_added() {
        let seconds = |text| parse(text).map(|duration| duration.as_secs_f64());
        assert_eq!((seconds("10s"), seconds("500ms")), (Some(10.0), Some(0.5)));
        assert_eq!((seconds("1m30s"), seconds(" 1m 30s\n")), (Some(90.0), Some(90.0)));
        assert_eq!((seconds("2h0m1s250ms"), seconds("0s")), (Some(7201.25), Some(0.0)));
        assert_eq!(parse("18446744073709551615s"), Some(Duration::from_secs(u64::MAX)));
    }

    #[test]
    fn nothing_else_is_a_duration() {
        let bad =
            ["", " ", "10", "s", "10 s", "-1s", "+1s", "1.5s", "1d", "10S", "10s,", "1s 2", "٣s"];
        for text in bad {
            assert_eq!(parse(text), None, "{text:?}");
        }
        for text in ["18446744073709551616s", "18446744073709551615m", "18446744073709551615s1s"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
    #[cfg(unix)]
    #[test]
    fn a_value_that_is_not_unicode_is_quoted_too() {
        let value = std::os::unix::ffi::OsStrExt::from_bytes(b"1\xffs");
        let error = budget("X", value).unwrap_err().to_string();
        assert!(error.starts_with("X=\"1\u{fffd}s\" is not"), "{error}");
    }
}
