//! A connection to the Runtime API with a deadline.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use super::deadline::Deadline;
use super::endpoint::Endpoint;
use super::registration_error::RegistrationError;
use super::resolve::resolve;

/// A connection on which no call blocks beyond the deadline.
pub(super) struct Connection {
    stream: TcpStream,
    endpoint: Arc<Endpoint>,
    deadline: Deadline,
}

impl Connection {
    pub(super) fn open(
        endpoint: &Arc<Endpoint>,
        deadline: Deadline,
    ) -> Result<Self, RegistrationError> {
        let addresses = resolve(endpoint, deadline)?;
        let stream = connect(&addresses, deadline).map_err(|source| {
            if is_timeout(&source) {
                return endpoint.timed_out(deadline);
            }
            RegistrationError::Unreachable { address: endpoint.authority.clone(), source }
        })?;
        Ok(Self { stream, endpoint: Arc::clone(endpoint), deadline })
    }

    pub(super) fn send(&mut self, request: &str) -> Result<(), RegistrationError> {
        self.deadline
            .time_left()
            .and_then(|left| self.stream.set_write_timeout(Some(left)))
            .and_then(|()| self.stream.write_all(request.as_bytes()))
            .map_err(|error| self.failed(error))
    }

    /// Returns the number of bytes received, or 0 if the server has closed the connection.
    pub(super) fn receive(&mut self, buffer: &mut [u8]) -> Result<usize, RegistrationError> {
        loop {
            let received = self
                .deadline
                .time_left()
                .and_then(|left| self.stream.set_read_timeout(Some(left)))
                .and_then(|()| self.stream.read(buffer));
            match received {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                received => return received.map_err(|error| self.failed(error)),
            }
        }
    }

    fn failed(&self, error: io::Error) -> RegistrationError {
        if is_timeout(&error) {
            return self.endpoint.timed_out(self.deadline);
        }
        RegistrationError::Disconnected(error)
    }

    /// Returns the socket, or the error if the server has reset the connection by now.
    pub(super) fn into_stream(self) -> Result<TcpStream, RegistrationError> {
        match self.stream.take_error() {
            Ok(None) => Ok(self.stream),
            Ok(Some(error)) | Err(error) => Err(self.failed(error)),
        }
    }
}

/// A connection attempt with a timeout of zero is an error.
const SHORTEST: Duration = Duration::from_micros(1);

/// Connects to the first address that accepts. Each one gets an equal share of the time left.
fn connect(addresses: &[SocketAddr], deadline: Deadline) -> io::Result<TcpStream> {
    let mut failure = io::Error::new(ErrorKind::NotFound, "the host has no address");
    for (tried, address) in addresses.iter().enumerate() {
        let shares = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        let share = deadline.time_left()? / shares;
        match TcpStream::connect_timeout(address, share.max(SHORTEST)) {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

/// A socket reports its own timeout as `WouldBlock`.
fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock)
}

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, TcpListener, TcpStream};
    use std::time::Duration;

    use super::{Deadline, connect};

    /// Returns a listener whose queue is full, so that it ignores new connections.
    fn full() -> (TcpListener, SocketAddr, Vec<TcpStream>) {
        const PROBE: Duration = Duration::from_millis(100);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound");
        let fill = || TcpStream::connect_timeout(&address, PROBE).ok();
        let queue = std::iter::from_fn(fill).collect();
        (listener, address, queue)
    }

    #[test]
    fn an_address_that_hangs_leaves_time_for_the_next() {
        let (_listener, hangs, _queue) = full();
        let accepts = TcpListener::bind("127.0.0.1:0").expect("a port");
        let addresses = [hangs, accepts.local_addr().expect("bound")];
        let deadline = Deadline::after(Duration::from_secs(1));
        connect(&addresses, deadline).expect("the second address has the other half");
    }
}
