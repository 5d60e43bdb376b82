#![doc = include_str!("../../features/lambda.md")]

mod api_error;
mod connection;
mod deadline;
mod endpoint;
mod error;
mod extension;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod install;
mod installed;
mod invocations;
mod next_connection;
mod registration;
mod registration_error;
mod request;
mod resolve;
mod response;
mod run;
mod shared_signal;
mod tracing;

pub use api_error::ApiError;
pub use error::Error;
pub use extension::Extension;
pub use install::{Install, Installing, install, set_graceful_shutdown_handler};
pub use installed::Installed;
pub use invocations::{Invocation, Invocations, InvocationsLayer};
pub use registration::Registration;
pub use registration_error::RegistrationError;
pub use run::run;
