//! The parser of the budget and the text of the report, for the fuzz targets.

use std::ffi::OsStr;
use std::time::Duration;

pub use super::report::fuzzing::{Hook, Report};

/// Parses a duration as [`Hooks::budget_from_env`](crate::Hooks::budget_from_env) does.
///
/// # Errors
///
/// Returns the error's text if `value` is not a duration.
pub fn budget(value: &OsStr) -> Result<Duration, String> {
    super::budget_from_env::budget("SHUTDOWN_TIMEOUT", value).map_err(|error| error.to_string())
}
