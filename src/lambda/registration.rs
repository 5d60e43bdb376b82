//! The registration of the extension, once in a process.
//!
//! The first thread that registers takes the [`Claim`], sends the request, and may do other work
//! while the Runtime API responds. It then reads the identifier, reports that the extension is
//! ready, and keeps that connection for as long as the process runs. Other threads wait for it until
//! their own deadline. A registration that fails returns the claim, so the next call tries again.

use std::io;
use std::sync::{Condvar, PoisonError};
use std::time::Duration;

use super::endpoint::Endpoint;
use super::error::RegistrationError;
use super::response::{self, Accepted};
use super::runtime_api::{self, Connection, RuntimeApi, time_left};
use crate::util::sync::{Mutex, lock};

/// The result of [`Extension::register`](super::Extension::register).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Registration {
    /// The process has a registered extension, so Lambda sends `SIGTERM`.
    Registered,
    /// `AWS_LAMBDA_RUNTIME_API` is not set, so this is not Lambda. Nothing was done.
    NotInLambda,
}

static STATE: Mutex<State> = Mutex::new(State::Absent);

/// Notified when a claim is dropped.
static CHANGED: Condvar = Condvar::new();

enum State {
    Absent,
    /// A thread has the claim. It does not hold the lock, so that others can time out.
    Claimed,
    Registered(Registered),
}

struct Registered {
    endpoint: Endpoint,
    identifier: String,
    /// If this connection breaks, nothing happens.
    _next: Connection,
}

impl Registered {
    /// Reports to Lambda that the extension is ready.
    fn new(mut next: Connection, endpoint: Endpoint, identifier: String) -> io::Result<Self> {
        next.send(&runtime_api::next(&endpoint, &identifier))?;
        Ok(Self { endpoint, identifier, _next: next })
    }
}

/// A registration that was sent.
#[must_use = "Lambda waits until the registration is finished"]
pub(super) struct Sent {
    api: RuntimeApi,
    connection: Connection,
    claim: Claim,
}

/// Sends the registration. Returns `None` if the process has a registered extension.
pub(super) fn send(api: RuntimeApi, name: &str) -> Result<Option<Sent>, RegistrationError> {
    let begin = || {
        let Some(claim) = claim(&api)? else { return Ok(None) };
        let mut connection = api.connect()?;
        connection.send(&runtime_api::register(&api.endpoint, name))?;
        Ok(Some((connection, claim)))
    };
    let sent = begin().map_err(|error| api.failed(error))?;
    Ok(sent.map(|(connection, claim)| Sent { api, connection, claim }))
}

impl Sent {
    /// Waits for the response, and reports to Lambda that the extension is ready.
    pub(super) fn finish(self) -> Result<(), RegistrationError> {
        let Self { api, mut connection, claim } = self;
        let finish = || {
            let Accepted { identifier, is_last } = response::read(&mut connection)?;
            let next = if is_last { api.connect()? } else { connection };
            Registered::new(next, api.endpoint.clone(), identifier)
        };
        *lock(&STATE) = State::Registered(finish().map_err(|error| api.failed(error))?);
        drop(claim);
        Ok(())
    }
}

/// Reports once more that the extension is ready, if the process has one.
///
/// The old connection is closed after that, and stays open if this fails.
pub(super) fn renew(timeout: Duration) -> Result<(), RegistrationError> {
    let (endpoint, identifier) = match &*lock(&STATE) {
        State::Registered(old) => (old.endpoint.clone(), old.identifier.clone()),
        State::Absent | State::Claimed => return Ok(()),
    };
    let api = RuntimeApi::new(endpoint, timeout);
    let renew = || Registered::new(api.connect()?, api.endpoint.clone(), identifier);
    *lock(&STATE) = State::Registered(renew().map_err(|error| api.failed(error))?);
    Ok(())
}

/// The right to register, which one thread has at a time. Dropped, it lets another thread try.
struct Claim(());

/// Waits for a thread that is registering. Returns `None` if the extension is registered then.
fn claim(api: &RuntimeApi) -> io::Result<Option<Claim>> {
    let mut state = lock(&STATE);
    while let State::Claimed = *state {
        let waited = CHANGED.wait_timeout(state, time_left(api.deadline)?);
        state = waited.unwrap_or_else(PoisonError::into_inner).0;
    }
    if let State::Registered(_) = *state {
        return Ok(None);
    }
    *state = State::Claimed;
    Ok(Some(Claim(())))
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut state = lock(&STATE);
        if let State::Claimed = *state {
            *state = State::Absent;
        }
        drop(state);
        CHANGED.notify_all();
    }
}
