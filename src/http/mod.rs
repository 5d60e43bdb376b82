#![doc = include_str!("../../features/http.md")]

// The life of a connection:
//
// - `listener` accepts it, and at the end what is left in the backlog. `drain` is the loop of the
//   server: accept, linger, drain, cut.
// - `connection` is its task: the handshake, hyper, and the time limits. `io` is what hyper reads
//   from. It records what the limits need to know.
// - `service` counts a request and calls the program. `body` counts the response until its last
//   byte is written. `name` is what the report calls the request.
//
// `in_flight` and `close` are the layers, and `readiness` the service, for servers of other crates.

mod body;
mod close;
mod connection;
mod drain;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod in_flight;
mod io;
mod listener;
mod name;
mod readiness;
mod server;
mod service;

pub use self::body::InFlightBody;
pub use self::close::{ConnectionClose, ConnectionCloseFuture, ConnectionCloseLayer};
pub use self::connection::{Connection, Handshaken};
pub use self::in_flight::{InFlightFuture, InFlightLayer, InFlightService};
pub use self::listener::Listener;
pub(crate) use self::name::text;
pub use self::readiness::Readiness;
pub use self::server::Server;
pub use self::service::HttpService;

#[doc = include_str!("../../docs/restarts.md")]
pub mod restarts {}

/// An error of a service or of a body.
type BoxError = Box<dyn std::error::Error + Send + Sync>;
