//! The socket addresses of the Runtime API.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::mpsc;
use std::{io, thread};

use super::deadline::Deadline;
use super::endpoint::Endpoint;
use super::registration_error::RegistrationError;

/// Returns the addresses of the endpoint. Lambda sets an IP address, which needs no resolver.
pub(super) fn resolve(
    endpoint: &Endpoint,
    deadline: Deadline,
) -> Result<Vec<SocketAddr>, RegistrationError> {
    if let Ok(address) = endpoint.host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, endpoint.port)]);
    }
    let name = (endpoint.host.clone(), endpoint.port);
    look_up(endpoint, deadline, move || name.to_socket_addrs().map(Iterator::collect))
}

/// `getaddrinfo` has no timeout, so it runs on a thread, which is abandoned at the deadline.
fn look_up(
    endpoint: &Endpoint,
    deadline: Deadline,
    look_up: impl FnOnce() -> io::Result<Vec<SocketAddr>> + Send + 'static,
) -> Result<Vec<SocketAddr>, RegistrationError> {
    let (sender, receiver) = mpsc::channel();
    let resolver = move || {
        let _ = sender.send(look_up()); // fails after the deadline
    };
    thread::Builder::new()
        .name("signoff-resolve".into())
        .spawn(resolver)
        .map_err(|source| RegistrationError::Thread { host: endpoint.host.clone(), source })?;
    let timed_out = || endpoint.timed_out(deadline);
    let left = deadline.time_left().map_err(|_| timed_out())?;
    let addresses = receiver.recv_timeout(left).map_err(|_| timed_out())?;
    addresses.map_err(|source| RegistrationError::Unreachable {
        address: endpoint.authority.clone(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::{Deadline, Endpoint, RegistrationError, look_up};

    #[test]
    fn a_lookup_that_hangs_times_out() {
        let endpoint = Endpoint::parse("host:9001").expect("an endpoint");
        let deadline = Deadline::after(Duration::from_millis(50));
        let (_never_sends, receiver) = mpsc::channel::<()>();
        let result = look_up(&endpoint, deadline, move || {
            let _ = receiver.recv_timeout(Duration::from_secs(30));
            Ok(Vec::new())
        });
        assert!(matches!(result, Err(RegistrationError::Timeout { .. })), "{result:?}");
    }
}
