//! What can go wrong when hooks are installed, and when an extension registers.

use std::time::Duration;
use std::{error, fmt, io};

/// Why nothing was installed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The program cannot listen to signals, or has no thread for its hooks.
    Signal(crate::Error),
    /// The registration failed, and was to be [`strict`](super::Install::strict).
    Registration(RegistrationError),
    /// [`run`](super::run) serves functions in Lambda only, and this is not Lambda.
    NotInLambda,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal(error) => error.fmt(f),
            Self::Registration(error) => error.fmt(f),
            Self::NotInLambda => f.write_str(
                "AWS_LAMBDA_RUNTIME_API is not set, so there is nothing to serve: \
                 start the function with `cargo lambda watch`, or in an emulator",
            ),
        }
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Signal(error) => error.source(),
            Self::Registration(error) => error.source(),
            Self::NotInLambda => None,
        }
    }
}

/// Why [`Extension::register`](super::Extension::register) did not register.
///
/// Each says what to do about it. A function works without the registration: Lambda then takes its
/// environment down with `SIGKILL`, unless another extension is there.
#[derive(Debug)]
#[non_exhaustive]
pub enum RegistrationError {
    /// `AWS_LAMBDA_RUNTIME_API` holds something that is not an address.
    Address {
        /// What it holds.
        value: String,
    },
    /// An extension cannot have this name.
    Name {
        /// The name.
        name: String,
    },
    /// Nobody listens at the address, or the host has none.
    Unreachable {
        /// The host and the port.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// The answer did not come in time, or did not come to its end.
    Timeout {
        /// The host and the port.
        address: String,
        /// How long the registration was allowed to take.
        timeout: Duration,
    },
    /// The connection ended before the answer did.
    Disconnected(io::Error),
    /// The answer is not HTTP.
    NotHttp {
        /// Its first bytes, escaped.
        beginning: String,
    },
    /// The answer goes on and on.
    TooLarge {
        /// How many bytes of it were read.
        read: usize,
    },
    /// The answer is a success and tells no identifier: not the answer of a Runtime API.
    NoIdentifier {
        /// The HTTP status.
        status: u16,
    },
    /// Another extension has this name. `SIGTERM` comes all the same, thanks to that one.
    NameTaken(ApiError),
    /// The function has asked for its first event already, which ends the time to register.
    Closed(ApiError),
    /// There are as many extensions as Lambda allows. `SIGTERM` comes all the same, thanks to them.
    TooMany(ApiError),
    /// The API refuses the events that were asked for. None were.
    Events(ApiError),
    /// The API knows no extensions: they are switched off, or an emulator does not have them.
    NotFound(ApiError),
    /// Any other answer.
    Refused(ApiError),
}

/// How the Runtime API said no.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApiError {
    /// The HTTP status.
    pub status: u16,
    /// AWS's `errorType`, such as `Extension.RegistrationClosed`.
    pub error_type: Option<String>,
    /// AWS's `errorMessage`; the beginning of the body where that is something else.
    pub message: Option<String>,
}

impl fmt::Display for RegistrationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address { value } => write!(
                f,
                "AWS_LAMBDA_RUNTIME_API is {value:?}, and should be host:port, \
                 or http://host:port/path; unset it outside of Lambda"
            ),
            Self::Name { name } => write!(
                f,
                "{name:?} cannot be the name of an extension: \
                 give it one without control characters that is not empty"
            ),
            Self::Unreachable { address, source } => write!(
                f,
                "no connection to the Runtime API at {address}: {source}; \
                 unset AWS_LAMBDA_RUNTIME_API outside of Lambda"
            ),
            Self::Timeout { address, timeout } => write!(
                f,
                "no whole answer from the Runtime API at {address} within {timeout:?}: \
                 allow more time, or check AWS_LAMBDA_RUNTIME_API"
            ),
            Self::Disconnected(source) => write!(
                f,
                "the connection ended before the answer of the Runtime API did: {source}; \
                 check what AWS_LAMBDA_RUNTIME_API points to"
            ),
            Self::NotHttp { beginning } => write!(
                f,
                "the answer of the Runtime API is not HTTP, it begins with \"{beginning}\": \
                 check what AWS_LAMBDA_RUNTIME_API points to"
            ),
            Self::TooLarge { read } => write!(
                f,
                "the answer of the Runtime API had no end after {read} bytes: \
                 check what AWS_LAMBDA_RUNTIME_API points to"
            ),
            Self::NoIdentifier { status } => write!(
                f,
                "the Runtime API answered {status} without an extension identifier: \
                 check what AWS_LAMBDA_RUNTIME_API points to"
            ),
            Self::NameTaken(refusal) => write!(
                f,
                "{refusal}; give the extension another name, or none: \
                 SIGTERM comes thanks to the one that has this name"
            ),
            Self::Closed(refusal) => write!(f, "{refusal}; register before lambda_runtime::run"),
            Self::TooMany(refusal) => {
                write!(f, "{refusal}; go without this one: SIGTERM comes thanks to the others")
            }
            Self::Events(refusal) => {
                write!(f, "{refusal}; none were asked for, so please report this")
            }
            Self::NotFound(refusal) => write!(
                f,
                "{refusal}; there are no extensions here, so do not count on SIGTERM: \
                 they are switched off, or the emulator does not have them"
            ),
            Self::Refused(refusal) => {
                write!(f, "{refusal}; see the Extensions API of AWS Lambda for what it means")
            }
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the Runtime API refuses the extension: {}", self.status)?;
        if let Some(error_type) = &self.error_type {
            write!(f, " {error_type}")?;
        }
        match &self.message {
            Some(message) => write!(f, " ({message})"),
            None => Ok(()),
        }
    }
}

impl error::Error for RegistrationError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Unreachable { source, .. } | Self::Disconnected(source) => Some(source),
            _ => None,
        }
    }
}
