//! The connection on which the extension waits for its next event.

use std::net::TcpStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::connection::Connection;
use super::deadline::Deadline;
use super::endpoint::Endpoint;
use super::registration_error::RegistrationError;
use super::request;

/// The process has one extension, so it has one such connection.
pub(super) static NEXT_CONNECTION: NextConnection =
    NextConnection { state: Mutex::new(State::Absent), changed: Condvar::new() };

/// A connection that is open for as long as the process runs.
///
/// No event ever arrives on it, so nothing reads from it. It costs one file descriptor, and no
/// thread, task or wake-up. If it breaks, nothing happens.
pub(super) struct NextConnection {
    state: Mutex<State>,
    /// Notified when a registration ends.
    changed: Condvar,
}

enum State {
    Absent,
    /// A thread is registering. It does not hold the lock, so that others can time out.
    Registering,
    Open {
        next: Arc<Next>,
        _stream: TcpStream,
    },
}

/// The right to register, which one thread has at a time. Dropped, it lets another thread try.
pub(super) struct Claim(&'static NextConnection);

impl NextConnection {
    /// Returns `None` if the connection is open, or if another thread is registering.
    pub(super) fn try_claim(&'static self) -> Option<Claim> {
        self.claim(&mut self.lock())
    }

    /// Waits for a thread that is registering. Returns `None` if the connection is open then.
    pub(super) fn wait(
        &'static self,
        endpoint: &Endpoint,
        deadline: Deadline,
    ) -> Result<Option<Claim>, RegistrationError> {
        let mut state = self.lock();
        while let State::Registering = *state {
            let left = deadline.time_left().map_err(|_| endpoint.timed_out(deadline))?;
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(self.claim(&mut state))
    }

    /// Requests the next event on a new connection, if the extension is registered.
    ///
    /// The old connection is closed after that, and stays open if this fails.
    pub(super) fn renew(&self, timeout: Duration) -> Result<(), RegistrationError> {
        let Some(next) = self.next() else { return Ok(()) };
        let stream = next.send(None, Deadline::after(timeout))?;
        *self.lock() = State::Open { next, _stream: stream };
        Ok(())
    }

    fn next(&self) -> Option<Arc<Next>> {
        match &*self.lock() {
            State::Open { next, .. } => Some(Arc::clone(next)),
            State::Absent | State::Registering => None,
        }
    }

    fn claim(&'static self, state: &mut State) -> Option<Claim> {
        matches!(state, State::Absent).then(|| {
            *state = State::Registering;
            Claim(self)
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claim {
    /// Keeps the connection for as long as the process runs.
    pub(super) fn keep(self, next: Next, stream: TcpStream) {
        *self.0.lock() = State::Open { next: Arc::new(next), _stream: stream };
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        if let State::Registering = *state {
            *state = State::Absent;
        }
        drop(state);
        self.0.changed.notify_all();
    }
}

/// The request for the next event.
pub(super) struct Next {
    endpoint: Arc<Endpoint>,
    request: String,
}

impl Next {
    pub(super) fn new(endpoint: Arc<Endpoint>, identifier: &str) -> Self {
        let request = request::next(&endpoint, identifier);
        Self { endpoint, request }
    }

    /// Sends the request, on `connection` if the server keeps it alive. Returns the open socket.
    ///
    /// The server may close a kept connection at any time. Lambda then still waits for the request,
    /// so it is sent again on a new connection.
    pub(super) fn send(
        &self,
        connection: Option<Connection>,
        deadline: Deadline,
    ) -> Result<TcpStream, RegistrationError> {
        if let Some(Ok(stream)) = connection.map(|connection| send(connection, &self.request)) {
            return Ok(stream);
        }
        send(Connection::open(&self.endpoint, deadline)?, &self.request)
    }
}

fn send(mut connection: Connection, request: &str) -> Result<TcpStream, RegistrationError> {
    connection.send(request)?;
    connection.into_stream()
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::TcpListener;
    use std::time::Duration;

    use super::{Arc, Connection, Deadline, Endpoint, Next};

    #[test]
    fn a_closed_connection_is_replaced() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound").to_string();
        let endpoint = Arc::new(Endpoint::parse(&address).expect("an endpoint"));
        let deadline = Deadline::after(Duration::from_secs(30));
        let mut connection = Connection::open(&endpoint, deadline).expect("a connection");
        drop(listener.accept().expect("a connection"));
        assert_eq!(connection.receive(&mut [0]).expect("the end"), 0);

        let next = Next::new(endpoint, "id").send(Some(connection), deadline).expect("another");
        listener.set_nonblocking(true).expect("a listener");
        let (mut accepted, _) = listener.accept().expect("another connection");
        accepted.set_nonblocking(false).expect("a connection");
        drop(next);
        let mut request = String::new();
        accepted.read_to_string(&mut request).expect("a request");
        assert!(request.starts_with("GET /2020-01-01/extension/event/next "), "{request}");
    }
}
