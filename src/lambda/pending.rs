//! A registration between its request and its response.

use std::sync::Arc;

use super::connection::Connection;
use super::deadline::Deadline;
use super::endpoint::Endpoint;
use super::extension::{Extension, Registration};
use super::next_connection::{Claim, NEXT_CONNECTION, request_next};
use super::registration_error::RegistrationError;
use super::response;

/// A registration between its request and its response.
#[must_use = "once the registration is sent, Lambda waits until it is finished"]
pub(super) enum Pending {
    NotInLambda,
    /// This thread has sent the request.
    Sent(Sent),
    /// Another thread is registering, or has registered. If it fails, this thread registers.
    Elsewhere {
        extension: Extension,
        endpoint: Arc<Endpoint>,
        deadline: Deadline,
    },
}

impl Pending {
    pub(super) fn begin(
        extension: &Extension,
        endpoint: Endpoint,
    ) -> Result<Self, RegistrationError> {
        let (endpoint, deadline) = (Arc::new(endpoint), extension.deadline());
        match NEXT_CONNECTION.try_claim() {
            Some(claim) => Sent::send(extension, endpoint, deadline, claim).map(Self::Sent),
            None => Ok(Self::Elsewhere { extension: extension.clone(), endpoint, deadline }),
        }
    }

    /// Waits for the response, and reports to Lambda that the extension is ready.
    pub(super) fn finish(self) -> Result<Registration, RegistrationError> {
        match self {
            Self::NotInLambda => return Ok(Registration::NotInLambda),
            Self::Sent(sent) => sent.finish()?,
            Self::Elsewhere { extension, endpoint, deadline } => {
                if let Some(claim) = NEXT_CONNECTION.wait(&endpoint, deadline)? {
                    Sent::send(&extension, endpoint, deadline, claim)?.finish()?;
                }
            }
        }
        Ok(Registration::Registered)
    }
}

/// A registration that this thread has sent.
pub(super) struct Sent {
    connection: Connection,
    endpoint: Arc<Endpoint>,
    deadline: Deadline,
    claim: Claim,
}

impl Sent {
    fn send(
        extension: &Extension,
        endpoint: Arc<Endpoint>,
        deadline: Deadline,
        claim: Claim,
    ) -> Result<Self, RegistrationError> {
        let request = extension.request(&endpoint)?;
        let mut connection = Connection::open(&endpoint, deadline)?;
        connection.send(&request)?;
        Ok(Self { connection, endpoint, deadline, claim })
    }

    fn finish(self) -> Result<(), RegistrationError> {
        let Self { mut connection, endpoint, deadline, claim } = self;
        let registered = response::read(|buffer| connection.receive(buffer))?;
        let connection = registered.keep_alive.then_some(connection);
        let stream = request_next(connection, &endpoint, deadline, &registered.identifier)?;
        claim.keep(stream);
        Ok(())
    }
}
