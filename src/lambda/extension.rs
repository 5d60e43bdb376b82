//! An extension without events. Lambda sends `SIGTERM` only to functions that have an extension.

use std::borrow::Cow;
use std::time::Duration;

use super::deadline::Deadline;
use super::endpoint::Endpoint;
use super::pending::Pending;
use super::registration_error::RegistrationError;
use super::request;

/// An internal extension that subscribes to no events.
///
/// Lambda ends a function without extensions with `SIGKILL`. A function with an extension gets
/// `SIGTERM` first, and some time to clean up. This is the smallest possible extension, and it is
/// part of the function's own process.
///
/// [`install`](super::install) registers one. Use this type directly if the program handles the
/// signal by itself:
///
/// ```no_run
/// use signoff::{Blocking, ShutdownSignal, lambda::Extension};
///
/// let shutdown = ShutdownSignal::listen(Blocking)?; // first: SIGTERM may follow the registration
/// if let Err(error) = Extension::default().register() {
///     eprintln!("SIGTERM may not come: {error}"); // the function works without it
/// }
/// # drop(shutdown);
/// # Ok::<(), signoff::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "an extension does nothing until `register` is called"]
pub struct Extension {
    name: Cow<'static, str>,
    timeout: Duration,
}

/// What [`Extension::register`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Registration {
    /// The process has a registered extension, so Lambda sends `SIGTERM`.
    Registered,
    /// `AWS_LAMBDA_RUNTIME_API` is not set, so this is not Lambda. Nothing was done.
    NotInLambda,
}

impl Default for Extension {
    fn default() -> Self {
        Self { name: Cow::Borrowed("signoff"), timeout: Duration::from_secs(2) }
    }
}

impl Extension {
    /// Sets the name. The default is `signoff`.
    ///
    /// The extensions of a function need different names. The name appears in the function's log
    /// at each cold start.
    pub fn name(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.name = name.into();
        self
    }

    /// Limits the time that [`register`](Self::register) takes. The default is 2 seconds.
    ///
    /// In Lambda it takes a few milliseconds, and Lambda allows 10 seconds for the whole init phase.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Registers the extension and reports to Lambda that it is ready.
    ///
    /// Call this before `lambda_runtime::run`: the function's first request for an event closes the
    /// registration. It works with and without a runtime, and blocks the thread for two small
    /// requests over the loopback interface.
    ///
    /// A process registers once. Later calls return [`Registration::Registered`] and do nothing. A
    /// call that runs at the same time as another waits for that one, up to its own timeout.
    ///
    /// Lambda waits until the extension reports that it is ready. If the connection breaks before
    /// that, the report is sent once more on a new connection.
    ///
    /// # Errors
    ///
    /// Returns a [`RegistrationError`] if the Runtime API refuses the extension, cannot be reached,
    /// sends no valid response, or does not respond within the timeout.
    pub fn register(&self) -> Result<Registration, RegistrationError> {
        self.begin()?.finish()
    }

    /// Sends the registration if this is Lambda, and does not wait for its response.
    pub(super) fn begin(&self) -> Result<Pending, RegistrationError> {
        match Endpoint::from_env()? {
            Some(endpoint) => Pending::begin(self, endpoint),
            None => Ok(Pending::NotInLambda),
        }
    }

    pub(super) fn request(&self, endpoint: &Endpoint) -> Result<String, RegistrationError> {
        self.check_name()?;
        Ok(request::register(endpoint, &self.name))
    }

    pub(super) fn deadline(&self) -> Deadline {
        Deadline::after(self.timeout)
    }

    /// The name becomes the value of a header.
    fn check_name(&self) -> Result<(), RegistrationError> {
        if self.name.trim().is_empty() || self.name.contains(char::is_control) {
            return Err(RegistrationError::Name { name: self.name.to_string() });
        }
        Ok(())
    }
}
