//! The errors of `install` and of a registration.
//!
//! Each message contains the cause and what to do about it, so `source` returns the next cause.

use std::{error, fmt, io};

use serde_json::Value;

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
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Signal(error) => error.source(),
            Self::Registration(error) => error.source(),
            Self::NotInLambda => None,
        }
    }
}

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
    /// The Runtime API cannot be reached, or did not send a valid response.
    Io {
        /// The host and the port.
        address: String,
        /// The error. Its kind is `TimedOut` if there was no complete response within the
        /// [timeout](super::Extension::timeout), `UnexpectedEof` if the connection was closed before,
        /// and `InvalidData` if the response is not one of a Runtime API.
        source: io::Error,
    },
    /// The Runtime API refused the extension.
    #[non_exhaustive]
    Refused {
        /// The HTTP status.
        status: u16,
        /// AWS's `errorType`: `Extension.InvalidExtensionState` if another extension has this name,
        /// `Extension.RegistrationClosed` if the function has already requested its first event, and
        /// `Extension.TooManyExtensions` if it has ten extensions.
        error_type: Option<String>,
        /// AWS's `errorMessage`, or the start of the body if it has none.
        message: Option<String>,
    },
}

impl RegistrationError {
    /// Returns the error for a response with this status. The body may be incomplete.
    pub(super) fn refused(status: u16, body: &[u8]) -> Self {
        let json = first_json(body).unwrap_or_default();
        let text = |name| Some(printable(json.get(name)?.as_str()?.as_bytes(), 256));
        let raw = || (!body.is_empty()).then(|| printable(body, 64));
        let message = text("errorMessage").or_else(raw);
        Self::Refused { status, error_type: text("errorType"), message }
    }
}

/// Sends an error to `tracing`, if the feature is enabled.
pub(super) fn log(error: &RegistrationError, what: &str) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: "signoff", %error, "{what}");
}

/// Returns the first JSON object of the body. A chunked body has chunk sizes around it.
fn first_json(body: &[u8]) -> Option<Value> {
    let start = body.iter().position(|&byte| byte == b'{')?;
    serde_json::Deserializer::from_slice(&body[start..]).into_iter().next()?.ok()
}

/// Returns the start of `bytes` as text without control characters.
pub(super) fn printable(bytes: &[u8], length: usize) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.trim().chars().take(length).flat_map(char::escape_debug).collect()
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
            Self::Io { address, source } => write!(
                f,
                "cannot register an extension at {address}: {source}; \
                 check AWS_LAMBDA_RUNTIME_API, and unset it outside Lambda"
            ),
            Self::Refused { status, error_type, message } => {
                write!(f, "the Runtime API refused the extension: {status}")?;
                let error_type = error_type.as_deref().unwrap_or_default();
                if !error_type.is_empty() {
                    write!(f, " {error_type}")?;
                }
                if let Some(message) = message {
                    write!(f, " ({message})")?;
                }
                write!(f, "; {}", advice(*status, error_type))
            }
        }
    }
}

fn advice(status: u16, error_type: &str) -> &'static str {
    match error_type {
        "Extension.InvalidExtensionState" => {
            "choose another name, or register no extension: \
             SIGTERM comes because of the one with this name"
        }
        "Extension.RegistrationClosed" => "register before lambda_runtime::run",
        "Extension.TooManyExtensions" => {
            "register no extension: SIGTERM comes because of the others"
        }
        _ if status == 404 => {
            "do not expect SIGTERM: extensions are disabled, or the emulator does not support them"
        }
        _ => "see the Extensions API of AWS Lambda",
    }
}

impl fmt::Debug for RegistrationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl error::Error for RegistrationError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => source.source(),
            Self::Address { .. } | Self::Name { .. } | Self::Refused { .. } => None,
        }
    }
}
