//! `ExitOn::request_before_deadline`: a second signal while the program drains.

use std::cmp::Reverse;
use std::thread;
use std::time::{Duration, Instant};

use super::ExitOn;
use crate::signal::ShutdownSignal;

impl ExitOn {
    /// Requests `signal` this long before the deadline of the program, if it has not returned by then.
    ///
    /// That is the program given to [`run`](Self::run) or [`run_blocking`](Self::run_blocking). With
    /// [`start`](Self::start), it is the deadline of the stage that waits for the work
    /// [in flight](Self::in_flight), or the end of the budget without such work.
    ///
    /// It is for connections that never end by themselves, such as WebSocket and server-sent events.
    /// A server that drains would wait for them until its deadline. Their handlers wait for `signal`,
    /// a [`manual`](ShutdownSignal::manual) one, and end the connection:
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # use signoff::{Hooks, ShutdownSignal};
    /// # async fn serve(_: ShutdownSignal, _: ShutdownSignal) -> std::io::Result<()> { Ok(()) }
    /// # async fn program(Tokio: impl signoff::Backend) -> Result<(), signoff::Error> {
    /// let (shutdown, cut) = (ShutdownSignal::listen(Tokio)?, ShutdownSignal::manual());
    /// let server = serve(shutdown.clone(), cut.clone());
    /// Hooks::new()
    ///     .budget(Duration::from_secs(10))
    ///     .exit_on(shutdown)
    ///     .request_before_deadline(&cut, Duration::from_secs(1)) // 9 seconds after the signal
    ///     .run(server)
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// If the program has less time than this, `signal` is requested as soon as the program has to
    /// stop. If the budget has no limit, there is no deadline, and `signal` is never requested. It can
    /// be called again with other signals.
    pub fn request_before_deadline(mut self, signal: &ShutdownSignal, time: Duration) -> Self {
        self.late.0.push((signal.clone(), time));
        self
    }
}

/// Signals that are requested some time before a deadline.
#[derive(Clone, Default)]
pub(super) struct LateRequests(Vec<(ShutdownSignal, Duration)>);

impl LateRequests {
    /// Requests the signals on a thread of its own, until `finished` is requested. If the system refuses
    /// the thread, they are requested now: too early, but the connections end.
    pub(super) fn start_thread(&self, deadline: Option<Instant>, finished: &ShutdownSignal) {
        let Some(deadline) = deadline.filter(|_| !self.0.is_empty()) else { return };
        let (mut requests, finished) = (self.0.clone(), finished.clone());
        requests.sort_by_key(|(_, time)| Reverse(*time));
        let run = move || run(&requests, deadline, &finished);
        if thread::Builder::new().name("signoff-late".into()).spawn(run).is_err() {
            self.0.iter().for_each(request);
        }
    }
}

fn run(requests: &[(ShutdownSignal, Duration)], deadline: Instant, finished: &ShutdownSignal) {
    for late in requests {
        let left = deadline.saturating_duration_since(Instant::now());
        if finished.wait_timeout(left.saturating_sub(late.1)).is_some() {
            return;
        }
        request(late);
    }
}

fn request((signal, _): &(ShutdownSignal, Duration)) {
    signal.request("the deadline is near");
}
