//! An error response of the Runtime API.

use std::fmt;

use serde_json::Value;

/// An error response of the Runtime API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    status: u16,
    error_type: Option<String>,
    message: Option<String>,
}

impl ApiError {
    /// The body may be incomplete.
    pub(super) fn new(status: u16, body: &[u8]) -> Self {
        let json = first_json(body).unwrap_or_default();
        let text = |name| Some(printable(json.get(name)?.as_str()?.as_bytes(), 256));
        let raw = || (!body.is_empty()).then(|| printable(body, 64));
        Self { status, error_type: text("errorType"), message: text("errorMessage").or_else(raw) }
    }

    /// Returns the HTTP status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Returns AWS's `errorType`, such as `Extension.RegistrationClosed`.
    pub fn error_type(&self) -> Option<&str> {
        self.error_type.as_deref()
    }

    /// Returns AWS's `errorMessage`, or the start of the body if it has none.
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the Runtime API refused the extension: {}", self.status)?;
        if let Some(error_type) = &self.error_type {
            write!(f, " {error_type}")?;
        }
        match &self.message {
            Some(message) => write!(f, " ({message})"),
            None => Ok(()),
        }
    }
}

/// Returns the first JSON object of the body. A chunked body has its chunk sizes around it.
pub(super) fn first_json(body: &[u8]) -> Option<Value> {
    let start = body.iter().position(|&byte| byte == b'{')?;
    serde_json::Deserializer::from_slice(&body[start..]).into_iter().next()?.ok()
}

/// Returns the start of `bytes` as text without control characters.
pub(super) fn printable(bytes: &[u8], length: usize) -> String {
    String::from_utf8_lossy(bytes)
        .trim()
        .chars()
        .take(length)
        .flat_map(char::escape_debug)
        .collect()
}
