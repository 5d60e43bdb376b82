//! `exit_on`: the hooks run and the process exits, even if the program is blocked.
//!
//! `job` is what its threads share: the driver's is there, the other is `watchdog`. `exit` is how the
//! process exits, `guard` keeps `main` from returning too early, `program` is the future given to
//! `run`, and `late_requests` are what it is told shortly before its deadline.

mod exit;
mod guard;
mod job;
mod late_requests;
mod program;
mod watchdog;

use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{self, SyncSender};
use std::thread;

pub use exit::Exit;
pub use guard::{ExitGuard, Joined};
use job::{Ending, ExitJob};
use late_requests::LateRequests;

use super::builder::Hooks;
use super::report::Report;
use crate::error::Error;
use crate::in_flight::InFlight;
use crate::signal::ShutdownSignal;

impl Hooks {
    /// Runs the hooks when the shutdown is requested, and then exits the process, even if the
    /// program is blocked.
    ///
    /// This needs a feature with a backend: `tokio`, `async-std`, `smol` or `blocking`.
    ///
    /// This returns a builder. [`run`](ExitOn::run) it with the program's own future,
    /// [`run_blocking`](ExitOn::run_blocking) it with a program of threads, or
    /// [`start`](ExitOn::start) it. From then on two threads wait for the request:
    ///
    /// * The driver starts the hooks of each stage, each on a thread of its own. With the feature
    ///   `tokio` they run in a small runtime, so timers and new connections work even if the
    ///   program's runtime is blocked, or gone. Tasks that hooks spawn share one thread there. A
    ///   hook that blocks its thread delays no other hook.
    /// * The watchdog exits the process if the driver is stuck: if the budget is used up, and no
    ///   hook starts or ends for 300 ms.
    ///
    /// The budget counts from the request. At the end, standard output and error are flushed. No
    /// destructor runs. If no thread can be spawned after the request, the driver runs the hooks
    /// itself. At most 256 hooks of a stage run at once; the others wait for a free thread.
    ///
    /// If `exit_on` is used more than once in a process, the hooks of all requested shutdowns run,
    /// and the process exits after the last one. Its status is the highest of theirs. If one of
    /// them chose [`Exit::Signal`], the process exits by the signal.
    ///
    /// With [`start`](ExitOn::start), the program goes on beside the hooks:
    ///
    /// ```no_run
    /// # #[cfg(all(any(unix, windows), feature = "blocking"))] {
    /// use std::time::Duration;
    /// use signoff::{Blocking, Hooks, ShutdownSignal};
    ///
    /// let shutdown = ShutdownSignal::listen(Blocking)?;
    /// let guard = Hooks::new()
    ///     .budget(Duration::from_secs(5))
    ///     .hook("queue", async || { /* … */ })
    ///     .exit_on(shutdown.clone())
    ///     .on_report(|report| report.eprint())
    ///     .start()?;
    ///
    /// while !shutdown.is_requested() { /* work */ }
    /// guard.join(); // waits for the running hooks
    /// # }
    /// # Ok::<(), signoff::Error>(())
    /// ```
    pub fn exit_on(self, shutdown: ShutdownSignal) -> ExitOn {
        ExitOn {
            hooks: self,
            shutdown,
            ending: Ending::default(),
            in_flight: Vec::new(),
            late: LateRequests::default(),
        }
    }
}

/// Options of [`exit_on`](Hooks::exit_on). Nothing happens until it is [run](Self::run) or
/// [started](Self::start).
#[must_use = "the hooks are not armed until `run` or `start` is called"]
pub struct ExitOn {
    hooks: Hooks,
    shutdown: ShutdownSignal,
    ending: Ending,
    in_flight: Vec<InFlight>,
    late: LateRequests,
}

impl ExitOn {
    /// Sets how the process exits. The default is [`Exit::Status`].
    pub fn exit(mut self, exit: Exit) -> Self {
        self.ending.exit = exit;
        self
    }

    /// Sets the exit status from the report.
    ///
    /// If `status` panics or blocks, the status is that of the report.
    pub fn exit_with(mut self, status: impl FnOnce(&Report) -> u8 + Send + 'static) -> Self {
        self.ending.exit = Exit::Status;
        self.ending.status = Some(Box::new(status));
        self
    }

    /// Passes the report to `f` before the process exits. By default nothing is printed.
    ///
    /// `f` may take what is left of the budget, but at least 100 ms, or half a second if the
    /// budget has no limit. After that the process exits even if `f` has not returned.
    pub fn on_report(mut self, f: impl FnOnce(Report) + Send + 'static) -> Self {
        self.ending.on_report = Some(Box::new(f));
        self
    }

    /// Names this work in the report if the program given to [`run`](Self::run) or
    /// [`run_blocking`](Self::run_blocking) does not return in time. If a task of it that is
    /// [tracked](InFlight::track) has panicked, the program has failed.
    pub fn in_flight(mut self, work: &InFlight) -> Self {
        self.in_flight.push(work.clone());
        self
    }

    /// Arms the hooks. They run, and the process exits, when the shutdown is requested, even if it
    /// was requested before.
    ///
    /// Keep the guard if `main` may return meanwhile: dropping it waits for running hooks.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Thread`] if a thread cannot be spawned. The hooks never run then.
    pub fn start(self) -> Result<ExitGuard, Error> {
        self.spawn(0)
    }

    /// Does not wait until the threads run. In Lambda that is a third of the added start-up time.
    #[cfg(all(unix, feature = "lambda"))]
    pub(crate) fn start_without_waiting(self) -> Result<ExitGuard, Error> {
        self.spawn(1)
    }

    fn spawn(self, capacity: usize) -> Result<ExitGuard, Error> {
        let Self { hooks, shutdown, ending, .. } = self;
        let job = Arc::new(ExitJob::new(hooks, shutdown, ending));
        let watchdog = start_thread("signoff-watchdog", watchdog::watch, capacity)?;
        let driver = start_thread("signoff-driver", job::drive, capacity)?;
        job::register(&job);
        for thread in [watchdog, driver] {
            let _ = thread.send(Arc::clone(&job)); // the thread waits for this
        }
        Ok(ExitGuard::new(job))
    }
}

/// Starts a thread that waits for its job. It ends if the sender is dropped instead.
///
/// With a capacity of 0, a job is sent once the thread has taken it. The thread then has all that
/// it needs.
fn start_thread(
    name: &str,
    work: fn(&Arc<ExitJob>),
    capacity: usize,
) -> Result<SyncSender<Arc<ExitJob>>, Error> {
    let (sender, receiver) = mpsc::sync_channel(capacity);
    let work = move || receiver.iter().take(1).for_each(|job| work(&job));
    thread::Builder::new().name(name.into()).spawn(work).map_err(Error::Thread)?;
    Ok(sender)
}

impl fmt::Debug for ExitOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExitOn")
            .field("hooks", &self.hooks)
            .field("shutdown", &self.shutdown)
            .field("exit", &self.ending.exit)
            .finish_non_exhaustive()
    }
}
