//! The loop of the server: accept, and after the shutdown request linger, drain and cut.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_lite::future::or;
use hyper_util::service::TowerToHyperService;
use tokio::runtime::Handle;
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep, timeout};

use super::connection::{self, Connection};
use super::io::{Activity, Watched};
use super::listener::Listener;
use super::server::{Options, Server};
use super::service::{Counted, HttpService};
use crate::hooks::ProgramDeadline;
use crate::in_flight::{InFlight, InFlightEntry};
use crate::signal::{Reason, ShutdownSignal, Signal};
use crate::util::human_list::HumanList;

/// The most connections that are taken from the backlog. Under a flood it would never end.
const MOST: usize = 4096;
/// After so many, other tasks run.
const PORTION: usize = 64;

/// After an error such as `EMFILE`. Meanwhile connections may close.
const PAUSE: Duration = Duration::from_millis(100);

/// How long aborted tasks may take. A handler that blocks its thread takes longer.
const ABORT: Duration = Duration::from_millis(100);

/// How long before its deadline the server closes what is left, so that it returns in time.
const MARGIN: Duration = Duration::from_millis(250);

impl<L: Listener, S: HttpService, V: Send + Sync + 'static> Server<L, S, V> {
    /// On `drain` the server stops. Then the deadline is known.
    pub(super) async fn run(
        self,
        drain: ShutdownSignal,
        deadline: ProgramDeadline,
    ) -> io::Result<()> {
        Handle::try_current().map_err(io::Error::other)?;
        let Self { listener, options } = self;
        let (longest, linger) = (options.drain.unwrap_or(Duration::MAX), options.limits.linger);
        let requests = options.requests.clone();
        let mut open = Open::new(options, drain.clone());

        open.accept(&listener, &drain).await;

        let share = deadline.get().copied().flatten().map_or(Duration::MAX, |deadline| {
            deadline.saturating_duration_since(std::time::Instant::now())
        });
        let linger =
            if lingers(&drain) { linger.min(share.min(longest) / 4) } else { Duration::ZERO };
        let (lingered, over) = (sleep(linger), sleep(longest.min(share.saturating_sub(MARGIN))));
        let drained = async {
            open.accept_backlog(listener, lingered.deadline()).await;
            or(open.connections.drained(), lingered).await;
            open.lingered.request("the linger is over");
            open.connections.drained().await;
            requests.drained().await; // upgraded connections
            true
        };
        let over = async {
            over.await;
            false
        };
        if or(drained, over).await {
            return Ok(());
        }
        let names = requests.entries();
        open.tasks.abort_all();
        _ = timeout(ABORT, open.connections.drained()).await;
        if names.is_empty() { Ok(()) } else { Err(cut_error(&names)) }
    }
}

/// Returns whether clients may still send requests after the drain, in place of a user at a terminal.
pub(super) fn lingers(drain: &ShutdownSignal) -> bool {
    match drain.reason() {
        Some(Reason::Signal { signal, .. }) => signal != Signal::Interrupt,
        reason => matches!(reason, Some(Reason::Request(_))),
    }
}

fn cut_error(names: &[InFlightEntry]) -> io::Error {
    let were = if names.len() == 1 { "request was" } else { "requests were" };
    let text = format!("{} {were} cut: {}", names.len(), HumanList::new(names));
    io::Error::new(io::ErrorKind::TimedOut, text)
}

/// The open connections, and what a new one needs.
struct Open<L: Listener, S, V> {
    options: Options<L, S, V>,
    /// From its request on, each response of HTTP/1 ends its connection.
    drain: ShutdownSignal,
    /// Connections without a request have to end.
    lingered: ShutdownSignal,
    /// The tasks of the connections.
    tasks: JoinSet<()>,
    /// Counts these tasks, and those of HTTP/2 streams, until they are dropped.
    connections: InFlight,
}

impl<L: Listener, S: HttpService, V: Send + Sync + 'static> Open<L, S, V> {
    fn new(options: Options<L, S, V>, drain: ShutdownSignal) -> Self {
        let (lingered, connections) = (ShutdownSignal::manual(), InFlight::new());
        Self { options, drain, lingered, tasks: JoinSet::new(), connections }
    }

    async fn accept(&mut self, listener: &L, drain: &ShutdownSignal) {
        loop {
            let tasks = &mut self.tasks;
            let accept = poll_fn(|cx| {
                // Frees connections that have closed. A panic of a handler concerns its client.
                while let Poll::Ready(Some(_)) = tasks.poll_join_next(cx) {}
                listener.poll_accept(cx)
            });
            match drain.run_until_requested(accept).await {
                Some(Ok(connection)) => self.serve(connection),
                Some(Err(error)) if is_of_client(&error) => {}
                Some(Err(_)) => _ = drain.run_until_requested(sleep(PAUSE)).await,
                None => return,
            }
        }
    }

    /// Takes what is in the backlog, so that none of it is reset, and closes the listener.
    async fn accept_backlog(&mut self, listener: L, until: Instant) {
        let Ok(accept) = listener.into_backlog() else { return };
        for count in 1..=MOST {
            match accept() {
                Ok(connection) => self.serve(connection),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if is_of_client(&error) => {}
                Err(_) if Instant::now() < until => sleep(PAUSE.min(until - Instant::now())).await,
                Err(_) => break,
            }
            if count % PORTION == 0 {
                yield_now().await;
            }
        }
    }

    fn serve(&mut self, (io, peer): (L::Io, L::Address)) {
        let handshake = (self.options.handshake)(io);
        let (service, limits) = (self.options.service.clone(), self.options.limits);
        let (map, requests) = (self.options.map.clone(), self.options.requests.clone());
        let (drain, lingered) = (self.drain.clone(), self.lingered.clone());
        let open = self.connections.enter("connection");
        self.tasks.spawn(async move {
            let handshake = timeout(limits.header, lingered.run_until_requested(handshake));
            let Ok(Some(Some((io, info)))) = handshake.await else { return };
            let activity = Arc::new(Activity::new(drain));
            let io = Watched::new(io, Arc::clone(&activity));
            let connection = Connection { peer: Arc::new(peer), info };
            let map = map.map(|map| move |request| map(request, &connection));
            let service = Counted {
                service: TowerToHyperService::new(service),
                map,
                requests,
                activity: Arc::clone(&activity),
            };
            connection::serve(io, service, activity, limits, lingered, open).await;
        });
    }
}

/// The next `accept` may succeed at once.
fn is_of_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
