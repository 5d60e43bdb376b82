//! The options of an extension without events, for which Lambda sends `SIGTERM`.

use std::borrow::Cow;
use std::time::Duration;

use lambda_runtime::{BoxFuture, SnapStartResource};

use super::endpoint::{Endpoint, is_lambda};
use super::error::{RegistrationError, log};
use super::registration::{self, Registration, Sent};
use super::runtime_api::RuntimeApi;

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
    /// The look-up of a host name is not limited. Lambda sets an IP address, which needs none.
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
    /// # Errors
    ///
    /// Returns a [`RegistrationError`] if the Runtime API refuses the extension, cannot be reached,
    /// sends no valid response, or does not respond within the timeout.
    pub fn register(&self) -> Result<Registration, RegistrationError> {
        if !is_lambda() {
            return Ok(Registration::NotInLambda);
        }
        if let Some(sent) = self.send()? {
            sent.finish()?;
        }
        Ok(Registration::Registered)
    }

    /// Sends the registration, and does not wait for its response. Returns `None` if there is nothing
    /// to do: this is not Lambda, or the process has a registered extension.
    pub(super) fn send(&self) -> Result<Option<Sent>, RegistrationError> {
        let Some(endpoint) = Endpoint::from_env()? else { return Ok(None) };
        // The name becomes the value of a header.
        if self.name.trim().is_empty() || self.name.contains(char::is_control) {
            return Err(RegistrationError::Name { name: self.name.to_string() });
        }
        registration::send(RuntimeApi::new(endpoint, self.timeout), &self.name)
    }
}

/// Renews the extension's connection in an environment that `SnapStart` restored.
///
/// [`Install::run`](super::Install::run) and [`Install::serve`](super::Install::serve) register it.
/// A program that runs `lambda_runtime::Runtime` by itself does it like this:
///
/// ```no_run
/// # use lambda_runtime::{Error, LambdaEvent, Runtime, service_fn};
/// # #[tokio::main]
/// # async fn main() -> Result<(), Error> {
/// # let handler = async |event: LambdaEvent<String>| Ok::<_, Error>(event.payload);
/// use std::sync::Arc;
///
/// use signoff::lambda::Extension;
///
/// let runtime = Runtime::new(service_fn(handler));
/// runtime.register_snapstart_resource(Arc::new(Extension::default())).run().await
/// # }
/// ```
impl SnapStartResource for Extension {
    /// Reports again that the extension is ready, on a new connection. Does nothing if the process
    /// has registered no extension.
    ///
    /// It blocks the thread for a small request over the loopback interface, at most for the
    /// extension's [timeout](Extension::timeout).
    ///
    /// # Errors
    ///
    /// Never returns an error, because `lambda_runtime` would end the function. The feature
    /// `tracing` logs why the connection could not be renewed.
    fn after_restore(&self) -> BoxFuture<'_, Result<(), lambda_runtime::Error>> {
        Box::pin(async {
            let renewed = registration::renew(self.timeout);
            if let Err(error) = renewed {
                log(&error, "the extension's connection is not renewed");
            }
            Ok(())
        })
    }
}
