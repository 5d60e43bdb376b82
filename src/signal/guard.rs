//! A shutdown request when a task ends.

use std::fmt;
use std::sync::Arc;
use std::thread;

use crate::signal::ShutdownSignal;

impl ShutdownSignal {
    /// Returns a guard that requests the shutdown when it is dropped.
    ///
    /// Keep it in a task that the program cannot do without. If the task returns or is cancelled,
    /// the reason is `"{name} ended"`. If it panics, the reason is `"{name} panicked"`, and the exit
    /// status is 1, as after [`fail`](Self::fail).
    ///
    /// ```
    /// # use signoff::ShutdownSignal;
    /// let shutdown = ShutdownSignal::manual();
    /// let guard = shutdown.request_on_drop("consumer");
    /// std::thread::spawn(move || {
    ///     let _guard = guard;
    ///     // consume until something goes wrong
    /// });
    /// assert_eq!(shutdown.wait().to_string(), "request: consumer ended");
    /// ```
    ///
    /// `cargo run --example vital_task --features tokio` runs a task that panics.
    pub fn request_on_drop(&self, name: impl Into<Arc<str>>) -> RequestGuard {
        RequestGuard { shutdown: Some(self.clone()), name: name.into() }
    }
}

/// Requests the shutdown when it is dropped: see [`ShutdownSignal::request_on_drop`].
///
/// It keeps the program listening, as a clone of the signal does.
#[must_use = "dropping the guard requests the shutdown"]
pub struct RequestGuard {
    /// `None` if the guard is disarmed.
    shutdown: Option<ShutdownSignal>,
    name: Arc<str>,
}

impl RequestGuard {
    /// Drops the guard without a request.
    pub fn disarm(mut self) {
        self.shutdown = None;
    }
}

impl Drop for RequestGuard {
    fn drop(&mut self) {
        let Some(shutdown) = self.shutdown.take() else { return };
        if thread::panicking() {
            shutdown.fail(format!("{} panicked", self.name));
        } else {
            shutdown.request(format!("{} ended", self.name));
        }
    }
}

impl fmt::Debug for RequestGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestGuard").field("name", &self.name).finish_non_exhaustive()
    }
}
