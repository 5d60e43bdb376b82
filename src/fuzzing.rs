//! What the fuzz targets call: parsers that are private in every other build.

pub use crate::hooks::report::fuzzing::{Hook, Report};
#[cfg(all(any(unix, windows), feature = "http"))]
pub use crate::http::fuzzing::request_name;
#[cfg(all(unix, feature = "lambda"))]
pub use crate::lambda::fuzzing::{endpoint, response};
