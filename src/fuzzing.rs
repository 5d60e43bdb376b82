//! What the fuzz targets call: parsers that are private in every other build.

pub use crate::hooks::report::fuzzing::{Hook, Report};
#[cfg(all(unix, feature = "lambda"))]
pub use crate::lambda::fuzzing::{endpoint, response};
