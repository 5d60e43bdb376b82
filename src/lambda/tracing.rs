//! The `tracing` events of an extension that is not registered or not renewed.

use super::RegistrationError;

#[cfg_attr(not(feature = "tracing"), allow(unused_variables, reason = "nothing is logged"))]
pub(super) fn not_registered(error: &RegistrationError) {
    #[cfg(feature = "tracing")]
    ::tracing::warn!(%error, "no extension is registered");
}

#[cfg_attr(not(feature = "tracing"), allow(unused_variables, reason = "nothing is logged"))]
pub(super) fn not_renewed(error: &RegistrationError) {
    #[cfg(feature = "tracing")]
    ::tracing::warn!(%error, "the connection of the extension is not renewed");
}
