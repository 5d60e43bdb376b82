//! Why an extension could not be registered.

use std::time::Duration;
use std::{error, fmt, io};

use super::api_error::ApiError;

/// Why [`Extension::register`](super::Extension::register) failed.
///
/// Each message says what to do about it. The function still works: without an extension, Lambda
/// ends its environment with `SIGKILL` and no `SIGTERM`.
///
/// `Debug` prints the same text as `Display`, because a `main` that returns an error prints that.
#[non_exhaustive]
pub enum RegistrationError {
    /// `AWS_LAMBDA_RUNTIME_API` is not a valid address.
    Address {
        /// The value of the variable.
        value: String,
    },
    /// The name is not valid for an extension.
    Name {
        /// The name.
        name: String,
    },
    /// The host name of the Runtime API could not be resolved, because no thread could be started.
    Thread {
        /// The host name.
        host: String,
        /// The error of the system.
        source: io::Error,
    },
    /// The host name could not be resolved, or the connection was refused.
    Unreachable {
        /// The host and the port.
        address: String,
        /// The error of the system.
        source: io::Error,
    },
    /// The response was not complete within the timeout.
    Timeout {
        /// The host and the port.
        address: String,
        /// The timeout of the registration.
        timeout: Duration,
    },
    /// The connection was closed before the response was complete.
    Disconnected(io::Error),
    /// The response is not HTTP.
    NotHttp {
        /// Its first bytes, escaped.
        beginning: String,
    },
    /// The response is larger than any response of a Runtime API.
    TooLarge {
        /// The number of bytes read.
        read: usize,
    },
    /// The response reports success but has no extension identifier.
    NoIdentifier {
        /// The HTTP status.
        status: u16,
    },
    /// Another extension has this name. Lambda sends `SIGTERM` because of that extension.
    NameTaken(ApiError),
    /// The function has already requested its first event, which closes the registration.
    Closed(ApiError),
    /// The function has the maximum number of extensions. Lambda sends `SIGTERM` because of them.
    TooMany(ApiError),
    /// The API refused the extension's events, although it subscribes to none.
    Events(ApiError),
    /// The API has no extensions: they are disabled, or the emulator does not support them.
    NotFound(ApiError),
    /// Any other error response.
    Refused(ApiError),
}

impl RegistrationError {
    /// Returns the kind of error that this response means.
    pub(super) fn refused(error: ApiError) -> Self {
        match error.error_type() {
            Some("Extension.InvalidExtensionState") => Self::NameTaken(error),
            Some("Extension.RegistrationClosed") => Self::Closed(error),
            Some("Extension.TooManyExtensions") => Self::TooMany(error),
            Some(
                "Extension.InvalidEventType"
                | "ErrorInvalidEventType"
                | "ShutdownEventNotSupportedForInternalExtension"
                | "No events allowed for internal extensions",
            ) => Self::Events(error),
            _ if error.status() == 404 => Self::NotFound(error),
            _ => Self::Refused(error),
        }
    }
}

impl fmt::Display for RegistrationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address { value } => write!(
                f,
                "AWS_LAMBDA_RUNTIME_API is {value:?}, expected host:port \
                 or http://host:port/path; unset it outside Lambda"
            ),
            Self::Name { name } => write!(
                f,
                "{name:?} is not a valid extension name: \
                 choose one that is not empty and has no control characters"
            ),
            Self::Thread { host, source } => write!(
                f,
                "cannot start the thread that resolves the host name {host:?}: {source}; \
                 raise the limit (ulimit -u), or register before the program starts many threads"
            ),
            Self::Unreachable { address, source } => write!(
                f,
                "cannot connect to the Runtime API at {address}: {source}; \
                 unset AWS_LAMBDA_RUNTIME_API outside Lambda"
            ),
            Self::Timeout { address, timeout } => write!(
                f,
                "the Runtime API at {address} sent no complete response within {timeout:?}: \
                 raise Extension::timeout, or check AWS_LAMBDA_RUNTIME_API"
            ),
            Self::Disconnected(source) => write!(
                f,
                "the Runtime API closed the connection before its response was complete: {source}; \
                 check the address in AWS_LAMBDA_RUNTIME_API"
            ),
            Self::NotHttp { beginning } => write!(
                f,
                "the response of the Runtime API is not HTTP, it starts with \"{beginning}\": \
                 check the address in AWS_LAMBDA_RUNTIME_API"
            ),
            Self::TooLarge { read } => write!(
                f,
                "the response of the Runtime API is not complete after {read} bytes: \
                 check the address in AWS_LAMBDA_RUNTIME_API"
            ),
            Self::NoIdentifier { status } => write!(
                f,
                "the Runtime API responded with {status} but without an extension identifier: \
                 check the address in AWS_LAMBDA_RUNTIME_API"
            ),
            Self::NameTaken(error) => write!(
                f,
                "{error}; choose another name, or register no extension: \
                 SIGTERM comes because of the one with this name"
            ),
            Self::Closed(error) => write!(f, "{error}; register before lambda_runtime::run"),
            Self::TooMany(error) => {
                write!(f, "{error}; register no extension: SIGTERM comes because of the others")
            }
            Self::Events(error) => {
                write!(f, "{error}; this extension subscribes to none, please report this")
            }
            Self::NotFound(error) => write!(
                f,
                "{error}; do not count on SIGTERM: extensions are disabled, \
                 or the emulator does not support them"
            ),
            Self::Refused(error) => {
                write!(f, "{error}; see the Extensions API of AWS Lambda")
            }
        }
    }
}

impl fmt::Debug for RegistrationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl error::Error for RegistrationError {
    /// Never returns what `Display` already contains.
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Thread { source, .. }
            | Self::Unreachable { source, .. }
            | Self::Disconnected(source) => source.source(),
            _ => None,
        }
    }
}
