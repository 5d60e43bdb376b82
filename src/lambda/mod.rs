#![doc = include_str!("../../features/lambda.md")]

mod answer;
mod endpoint;
mod error;
mod extension;
mod install;
mod invocations;
mod run;

pub use error::{ApiError, Error, RegistrationError};
pub use extension::Extension;
pub use install::{Install, Installed, install, set_graceful_shutdown_handler};
pub use invocations::{Invocation, Invocations, InvocationsLayer};
pub use run::run;
