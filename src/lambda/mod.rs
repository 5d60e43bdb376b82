#![doc = include_str!("../../features/lambda.md")]

mod answer;
mod endpoint;
mod error;
mod extension;

pub use error::{Refusal, RegistrationError};
pub use extension::Extension;
