//! Why hooks could not be installed.

use std::{error, fmt};

use super::registration_error::RegistrationError;

/// Why [`install`](super::install) or [`run`](super::run) failed.
///
/// `Debug` prints the same text as `Display`, because a `main` that returns an error prints that.
#[non_exhaustive]
pub enum Error {
    /// The program cannot listen for signals, or cannot start the threads that run the hooks.
    Signal(crate::Error),
    /// The registration failed, and [`Install::strict`](super::Install::strict) was set.
    Registration(RegistrationError),
    /// [`run`](super::run) was called outside Lambda.
    NotInLambda,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal(error) => error.fmt(f),
            Self::Registration(error) => error.fmt(f),
            Self::NotInLambda => f.write_str(
                "AWS_LAMBDA_RUNTIME_API is not set, so there are no invocations to serve: \
                 start the function with `cargo lambda watch` or in an emulator",
            ),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl error::Error for Error {
    /// Never returns what `Display` already contains.
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Signal(error) => error.source(),
            Self::Registration(error) => error.source(),
            Self::NotInLambda => None,
        }
    }
}
