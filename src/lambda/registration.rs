//! The registration of an extension.

use std::sync::Arc;

use super::connection::Connection;
use super::deadline::Deadline;
use super::endpoint::Endpoint;
use super::next_connection::{Claim, NEXT_CONNECTION, Next};
use super::registration_error::RegistrationError;
use super::response;

/// What [`Extension::register`](super::Extension::register) did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Registration {
    /// The process has a registered extension, so Lambda sends `SIGTERM`.
    Registered,
    /// `AWS_LAMBDA_RUNTIME_API` is not set, so this is not Lambda. Nothing was done.
    NotInLambda,
}

/// The request that registers an extension.
pub(super) struct Request {
    pub(super) text: String,
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) deadline: Deadline,
}

impl Request {
    /// Sends the request, unless another thread is registering or has registered.
    pub(super) fn begin(self) -> Result<Pending, RegistrationError> {
        match NEXT_CONNECTION.try_claim() {
            Some(claim) => self.send(claim).map(Pending::Sent),
            None => Ok(Pending::Elsewhere(self)),
        }
    }

    fn send(self, claim: Claim) -> Result<Sent, RegistrationError> {
        let mut connection = Connection::open(&self.endpoint, self.deadline)?;
        connection.send(&self.text)?;
        Ok(Sent { connection, request: self, claim })
    }
}

/// A registration between its request and its response.
#[must_use = "once the registration is sent, Lambda waits until it is finished"]
pub(super) enum Pending {
    NotInLambda,
    /// This thread has sent the request.
    Sent(Sent),
    /// Another thread is registering, or has registered. If it fails, this thread registers.
    Elsewhere(Request),
}

impl Pending {
    /// Waits for the response, and reports to Lambda that the extension is ready.
    pub(super) fn finish(self) -> Result<Registration, RegistrationError> {
        match self {
            Self::NotInLambda => return Ok(Registration::NotInLambda),
            Self::Sent(sent) => sent.finish()?,
            Self::Elsewhere(request) => {
                if let Some(claim) = NEXT_CONNECTION.wait(&request.endpoint, request.deadline)? {
                    request.send(claim)?.finish()?;
                }
            }
        }
        Ok(Registration::Registered)
    }
}

/// A registration that this thread has sent.
pub(super) struct Sent {
    connection: Connection,
    request: Request,
    claim: Claim,
}

impl Sent {
    fn finish(self) -> Result<(), RegistrationError> {
        let Self { mut connection, request, claim } = self;
        let registered = response::read(|buffer| connection.receive(buffer))?;
        let connection = registered.keep_alive.then_some(connection);
        let next = Next::new(request.endpoint, &registered.identifier);
        let stream = next.send(connection, request.deadline)?;
        claim.keep(next, stream);
        Ok(())
    }
}
