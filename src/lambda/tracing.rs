//! The `tracing` event of a failed registration.

use crate::lambda::RegistrationError;

pub(crate) fn not_registered(error: &RegistrationError) {
    ::tracing::warn!(%error, "no extension is registered");
}
