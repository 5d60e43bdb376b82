#![doc = include_str!("../../features/lambda.md")]

// `install` listens for the signals, registers an extension and arms the hooks. `run` also serves the
// handler, and `invocations` counts the running invocations. `extension` has the options of the
// extension, and `registration` registers it once in a process. `runtime_api` sends the two requests
// to the address of `endpoint`, and `response` reads the identifier.

mod endpoint;
mod error;
mod extension;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod install;
mod invocations;
mod registration;
mod response;
mod run;
mod runtime_api;
mod shared_signal;

pub use error::{Error, RegistrationError};
pub use extension::Extension;
pub use install::{Install, Installed, install, set_graceful_shutdown_handler};
pub use invocations::{Invocation, Invocations, InvocationsLayer};
pub use registration::Registration;
pub use run::run;
