//! The listeners: accept with tokio, and at the end without it.

use std::fmt::Debug;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

/// A listener that a [`Server`](super::Server) can use: tokio's `TcpListener` or `UnixListener`.
///
/// This trait is sealed.
pub trait Listener: Accept {}

impl<T: Accept> Listener for T {}

pub trait Accept: Sized + Send + 'static {
    type Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;
    type Address: Debug + Send + Sync + 'static;

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<Accepted<Self>>;

    /// Takes the listener from the runtime. The closure accepts without waiting.
    ///
    /// tokio's `accept` may be pending although a connection is in the backlog.
    fn into_backlog(self) -> io::Result<impl Fn() -> Accepted<Self> + Send>;
}

pub(super) type Accepted<L> = io::Result<(<L as Accept>::Io, <L as Accept>::Address)>;

impl Accept for TcpListener {
    type Io = TcpStream;
    type Address = SocketAddr;

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<Accepted<Self>> {
        TcpListener::poll_accept(self, cx).map_ok(without_delay)
    }

    fn into_backlog(self) -> io::Result<impl Fn() -> Accepted<Self> + Send> {
        let listener = self.into_std()?;
        Ok(move || {
            let (stream, peer) = listener.accept()?;
            stream.set_nonblocking(true)?;
            Ok(without_delay((TcpStream::from_std(stream)?, peer)))
        })
    }
}

/// Small responses must not wait for an acknowledgement.
fn without_delay((stream, peer): (TcpStream, SocketAddr)) -> (TcpStream, SocketAddr) {
    let _ = stream.set_nodelay(true); // slower without it
    (stream, peer)
}

#[cfg(unix)]
impl Accept for tokio::net::UnixListener {
    type Io = tokio::net::UnixStream;
    type Address = tokio::net::unix::SocketAddr;

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<Accepted<Self>> {
        tokio::net::UnixListener::poll_accept(self, cx)
    }

    fn into_backlog(self) -> io::Result<impl Fn() -> Accepted<Self> + Send> {
        let listener = self.into_std()?;
        Ok(move || {
            let (stream, peer) = listener.accept()?;
            stream.set_nonblocking(true)?;
            Ok((tokio::net::UnixStream::from_std(stream)?, peer.into()))
        })
    }
}
