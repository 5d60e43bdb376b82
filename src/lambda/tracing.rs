//! Tells a `tracing` subscriber what a function goes on without.

use crate::lambda::RegistrationError;

pub(crate) fn not_registered(error: &RegistrationError) {
    ::tracing::warn!(%error, "no extension is registered");
}
