//! The task of one connection: the handshake, hyper, and the time limits.
//!
//! One timer serves all limits, and it is not touched while requests come and go. It is never set to
//! more than the shortest limit. When it fires, it looks at the phase of the connection, and is set to
//! the end of that phase or to the shortest limit again. So no limit is missed.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Poll, ready};
use std::time::Duration;

use http_body::Body;
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep};

use super::BoxError;
use super::drain::lingers;
use super::io::{Activity, Watched, take};
use crate::in_flight::InFlightGuard;
use crate::signal::ShutdownSignal;

/// How long a client may send after the last response: the rest of a body, or frames of HTTP/2.
const CLOSING: Duration = Duration::from_secs(1);

/// How often an HTTP/2 connection that has to end is looked at. A stream may end in its own task,
/// without waking that of the connection.
const ENDING: Duration = Duration::from_millis(100);

/// A connection of a [`Server`](super::Server), as [`map_request`](super::Server::map_request) sees it.
#[derive(Debug)]
pub struct Connection<A, V = ()> {
    pub(super) peer: Arc<A>,
    pub(super) info: V,
}

impl<A, V> Connection<A, V> {
    /// Returns the address of the client.
    pub fn peer(&self) -> &A {
        &self.peer
    }

    /// Returns the value that the [handshake](super::Server::handshake) returned with the stream.
    pub fn info(&self) -> &V {
        &self.info
    }
}

/// What a [handshake](super::Server::handshake) returns: a stream, or a stream and a value.
///
/// `K` is a marker that lets the impls coexist. It is always inferred.
pub trait Handshaken<K>: Send {
    /// The stream.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;
    /// The value, or `()`.
    type Info: Send + Sync + 'static;

    /// Splits it.
    fn into_parts(self) -> (Self::Stream, Self::Info);
}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> Handshaken<()> for T {
    type Stream = T;
    type Info = ();

    fn into_parts(self) -> (T, ()) {
        (self, ())
    }
}

/// The marker of a stream with a value.
#[derive(Debug)]
pub struct WithInfo;

impl<T, V> Handshaken<WithInfo> for (T, V)
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    V: Send + Sync + 'static,
{
    type Stream = T;
    type Info = V;

    fn into_parts(self) -> (T, V) {
        self
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) header: Duration,
    pub(super) keep_alive: Duration,
    /// The idle time of an HTTP/1 connection after a stream, and the time to answer a GOAWAY.
    pub(super) linger: Duration,
}

/// Serves a connection until it closes. When `lingered` is requested, it has to end soon.
pub(super) async fn serve<S, B>(
    io: Watched,
    service: S,
    activity: Arc<Activity>,
    limits: Limits,
    mut lingered: ShutdownSignal,
    open: InFlightGuard,
) where
    S: hyper::service::Service<
            http::Request<Incoming>,
            Response = http::Response<B>,
            Error: Into<BoxError>,
            Future: Send + 'static,
        >,
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    let mut builder = auto::Builder::new(Streams { open });
    builder
        .http1()
        .header_read_timeout(None) // it also closes idle connections
        .writev(true); // a body is a part of its request until it is written
    let mut connection = pin!(builder.serve_connection_with_upgrades(TokioIo::new(io), service));
    let mut life = Life::new(activity, limits);
    let mut timer = pin!(sleep(life.next_look()));
    poll_fn(|cx| {
        loop {
            if connection.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
            life.observe();
            if life.is_ending || life.phase == Phase::Closing {
                if life.rest().is_zero() {
                    connection.as_mut().graceful_shutdown();
                    _ = connection.as_mut().poll(cx); // closes it in order, if that needs no time
                    return Poll::Ready(());
                }
                timer.as_mut().reset(Instant::now() + life.next_look());
                ready!(timer.as_mut().poll(cx));
                continue;
            }
            if Pin::new(&mut lingered).poll(cx).is_pending() {
                ready!(timer.as_mut().poll(cx));
                if !life.rest().is_zero() {
                    timer.as_mut().reset(Instant::now() + life.next_look());
                    continue;
                }
            }
            life.is_ending = true;
            if life.activity.is_http2() {
                connection.as_mut().graceful_shutdown();
                life.enter(life.phase); // it has to answer from now on
            }
        }
    })
    .await;
}

/// What a connection does right now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// It has no request, or has not sent anything yet.
    Idle,
    /// A head or a preface has begun.
    Head,
    /// A request runs.
    Busy,
    /// The last response is written. The client may still be sending.
    Closing,
}

/// The phase of a connection, and how long it may last.
struct Life {
    activity: Arc<Activity>,
    limits: Limits,
    phase: Phase,
    /// When the phase began. A request does not read the clock: it sets this to `None`, and the phase
    /// after it begins at the next look.
    since: Option<Instant>,
    /// A response of HTTP/1 has ended after the drain, and may have begun before it. Its client does not know
    /// that the connection will end, and may send one more request.
    may_be_used: bool,
    /// The connection has to end.
    is_ending: bool,
}

impl Life {
    fn new(activity: Arc<Activity>, limits: Limits) -> Self {
        let (phase, since) = (Phase::Idle, Some(Instant::now()));
        Self { activity, limits, phase, since, may_be_used: false, is_ending: false }
    }

    /// Finds out the phase after hyper was polled. A request may have come and gone meanwhile.
    fn observe(&mut self) {
        let (requested, heard) = (take(&self.activity.requested), take(&self.activity.heard));
        let phase = match self.phase {
            _ if self.activity.closing.load(Relaxed) => Phase::Closing,
            _ if self.activity.is_busy() => Phase::Busy,
            Phase::Busy => Phase::Idle,
            _ if requested || self.activity.is_http2() => Phase::Idle,
            Phase::Idle if heard => Phase::Head,
            phase => phase,
        };
        if requested {
            (self.phase, self.since) = (phase, None);
        } else if phase != self.phase {
            if self.phase == Phase::Busy
                && !self.activity.is_http2()
                && lingers(&self.activity.drain)
            {
                self.may_be_used = true;
            }
            self.enter(phase);
        } else if phase == Phase::Idle {
            // hyper has read it: else it would have closed the connection now.
            self.activity.has_body.store(false, Relaxed);
        }
    }

    fn enter(&mut self, phase: Phase) {
        (self.phase, self.since) = (phase, Some(Instant::now()));
    }

    /// Returns how long the phase may last.
    fn limit(&self) -> Duration {
        match self.phase {
            Phase::Busy => Duration::MAX,
            Phase::Closing => CLOSING,
            _ if self.may_be_used || self.is_ending && self.activity.is_http2() => {
                self.limits.linger
            }
            _ if self.is_ending => Duration::ZERO,
            Phase::Idle => self.limits.keep_alive,
            Phase::Head => self.limits.header,
        }
    }

    /// Returns how long the phase may go on.
    fn rest(&mut self) -> Duration {
        self.limit().saturating_sub(self.since.get_or_insert_with(Instant::now).elapsed())
    }

    /// Returns how long the timer may sleep: until the phase is over, and no longer than a phase that
    /// may follow.
    fn next_look(&mut self) -> Duration {
        let shortest = if self.is_ending && self.activity.is_http2() {
            ENDING
        } else {
            self.limits.header.min(self.limits.keep_alive)
        };
        self.rest().min(shortest).clamp(Duration::from_millis(1), Duration::from_secs(3600))
    }
}

/// Runs the streams of an HTTP/2 connection, which are tasks of their own. Each ends with its
/// connection: h2 wakes it then.
#[derive(Clone)]
struct Streams {
    open: InFlightGuard,
}

impl<F: Future<Output: Send> + Send + 'static> Executor<F> for Streams {
    fn execute(&self, stream: F) {
        let open = self.open.clone();
        tokio::spawn(async move {
            stream.await;
            drop(open);
        });
    }
}
