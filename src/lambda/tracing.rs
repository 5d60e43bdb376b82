//! The `tracing` events of an extension that is not registered or not renewed.

use crate::lambda::RegistrationError;

pub(crate) fn not_registered(error: &RegistrationError) {
    ::tracing::warn!(%error, "no extension is registered");
}

pub(crate) fn not_renewed(error: &RegistrationError) {
    ::tracing::warn!(%error, "the connection of the extension is not renewed");
}
