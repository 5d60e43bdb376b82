//! Installed hooks.

use super::registration_error::RegistrationError;
use crate::hooks::ExitGuard;
use crate::signal::ShutdownSignal;

/// Installed hooks. Keep this value until `main` returns: dropping it waits for running hooks.
///
/// Before a shutdown is requested, dropping it does nothing: the hooks stay armed. A `main` can
/// return while hooks run, because `lambda_runtime::run` returns if the Runtime API is gone. Under
/// `cargo lambda watch` that may happen at the moment of the signal.
#[derive(Debug)]
pub struct Installed {
    pub(super) guard: ExitGuard,
    pub(super) shutdown: ShutdownSignal,
    pub(super) registration_error: Option<RegistrationError>,
}

impl Installed {
    /// Returns the signal that starts the hooks, for other parts of the function.
    ///
    /// [Requesting](ShutdownSignal::request) the shutdown through it also runs the hooks and exits
    /// the process.
    pub fn shutdown(&self) -> ShutdownSignal {
        self.shutdown.clone()
    }

    /// Returns why the registration failed, or `None` if it did not.
    #[must_use]
    pub fn registration_error(&self) -> Option<&RegistrationError> {
        self.registration_error.as_ref()
    }

    /// Waits until the process exits if a shutdown was requested. Otherwise returns immediately.
    pub fn join(self) {
        self.guard.join();
    }

    /// Like [`join`](Self::join), but does not block the thread.
    pub(super) async fn joined(self) {
        self.guard.await;
    }
}
