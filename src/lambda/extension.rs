//! An extension that does nothing, because Lambda sends `SIGTERM` only where there is one.

use std::borrow::Cow;
use std::net::TcpStream;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::answer;
use super::endpoint::{Deadline, Endpoint};
use super::error::RegistrationError;

/// The connection that waits for events that never come, for as long as the process lives.
///
/// Nobody reads from it: it costs a descriptor, and no thread, no task and no wake-up. Should it
/// break, as it does when a snapshot is restored, nobody finds out, and nothing follows from it.
static PARKED: Mutex<Option<TcpStream>> = Mutex::new(None);

/// An internal extension that asks for no events.
///
/// Lambda ends a function without extensions with `SIGKILL`; one that has an extension gets
/// `SIGTERM` first, and some time to clean up. This is the smallest extension there is, part of
/// the function's own process.
///
/// [`install`](super::install) registers one. By itself it is for programs that handle the signal
/// in their own way:
///
/// ```no_run
/// use signoff::{Blocking, ShutdownSignal, lambda::Extension};
///
/// let shutdown = ShutdownSignal::listen(Blocking)?; // before the registration: SIGTERM may come
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
    /// Names the extension; `signoff` by default.
    ///
    /// No two extensions of a function may have the same name. It appears in the function's log at
    /// each cold start.
    pub fn name(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.name = name.into();
        self
    }

    /// How long the registration may take, all in all; 2 seconds by default.
    ///
    /// In Lambda it takes a few milliseconds. Init may take 10 seconds.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Registers the extension and tells Lambda that it is ready. Returns whether this is Lambda:
    /// `false` where `AWS_LAMBDA_RUNTIME_API` is not set, and then nothing was done.
    ///
    /// To be called before the function asks for its first event, which is what
    /// `lambda_runtime::run` does. The registration holds for as long as the process lives: calling
    /// this again does nothing and is no error.
    ///
    /// It works in any runtime and without one. The thread is blocked meanwhile, for two small
    /// exchanges over the loopback interface.
    ///
    /// # Errors
    ///
    /// Where the Runtime API refuses, does not answer in time, or is something else.
    pub fn register(&self) -> Result<bool, RegistrationError> {
        let Some(endpoint) = Endpoint::from_env()? else { return Ok(false) };
        // The lock is held meanwhile, so that only one of two threads registers. The time that one
        // of them waits for it counts.
        let deadline = Deadline::after(self.timeout);
        let mut parked = PARKED.lock().unwrap_or_else(PoisonError::into_inner);
        if parked.is_none() {
            *parked = Some(self.register_at(&endpoint, deadline)?);
        }
        Ok(true)
    }

    fn register_at(
        &self,
        endpoint: &Endpoint,
        deadline: Deadline,
    ) -> Result<TcpStream, RegistrationError> {
        self.check_name()?;
        let mut line = endpoint.connect(deadline)?;
        // Once registered, init does not end before `/next` is called: what can fail comes first.
        let mut parked = endpoint.connect(deadline)?;
        line.send(&self.register_request(endpoint))?;
        let identifier = answer::identifier(|buffer| line.receive(buffer))?;
        parked.send(&next_request(endpoint, &identifier))?;
        Ok(parked.into_stream())
    }

    /// What cannot stand in a header.
    fn check_name(&self) -> Result<(), RegistrationError> {
        if self.name.trim().is_empty() || self.name.contains(char::is_control) {
            return Err(RegistrationError::Name { name: self.name.to_string() });
        }
        Ok(())
    }

    fn register_request(&self, Endpoint { authority, base, .. }: &Endpoint) -> String {
        const BODY: &str = r#"{"events":[]}"#;
        let (name, length) = (&self.name, BODY.len());
        format!(
            "POST {base}/2020-01-01/extension/register HTTP/1.1\r\n\
             Host: {authority}\r\n\
             Lambda-Extension-Name: {name}\r\n\
             Content-Type: application/json\r\n\
             Content-Length: {length}\r\n\
             Connection: close\r\n\
             \r\n\
             {BODY}"
        )
    }
}

fn next_request(Endpoint { authority, base, .. }: &Endpoint, identifier: &str) -> String {
    format!(
        "GET {base}/2020-01-01/extension/event/next HTTP/1.1\r\n\
         Host: {authority}\r\n\
         Lambda-Extension-Identifier: {identifier}\r\n\
         \r\n"
    )
}
