//! `exit_on`: the hooks run and the process exits, even if the program is blocked.
//!
//! `job` is what its threads share. The thread of the driver is there, too, the other one is `watchdog`. `program` is
//! the future given to `run`, `guard` keeps `main` from returning too early, and `late_requests` are
//! the signals that are requested shortly before a deadline. `voice` says what the process waits for, and
//! `exit` is how it exits.

mod exit;
mod guard;
mod job;
mod late_requests;
mod program;
mod voice;
mod watchdog;

use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{self, SyncSender};
use std::thread;

pub use exit::Exit;
pub use guard::{ExitGuard, Joined};
use job::{Ending, ExitJob};
use late_requests::LateRequests;
pub(crate) use program::ProgramDeadline;

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
    /// * The driver starts the hooks of each stage, each on a thread of its own, at most 256 of a stage at
    ///   once. With the feature `tokio` these have entered a small runtime, so timers and new connections
    ///   work even if the program's runtime is blocked, or gone. Tasks that hooks spawn share one thread
    ///   there. A hook that blocks its thread delays no other hook.
    /// * The watchdog exits the process half a second after the budget at the latest, no matter what
    ///   blocks. Hooks that have not started by then are reported as not started.
    ///
    /// They wait until the request: `exit_on` cannot be disarmed. A part of a program that restarts arms
    /// its hooks once, and uses a [`HookSet`](crate::HookSet) for what comes and goes.
    ///
    /// The budget counts from the request. At the end, standard output and error are flushed. No
    /// destructor runs. If no thread can be spawned after the request, the driver runs the hooks
    /// itself, one after the other.
    ///
    /// After a second of waiting, a line on standard error says what the process waits for, and again
    /// when that changes. If the report is not clean, it is printed at the end. With the feature
    /// `tracing`, both are events if the subscriber has enabled them. See [`quiet`](ExitOn::quiet) and
    /// [`on_report`](ExitOn::on_report).
    ///
    /// If `exit_on` is used more than once in a process, the hooks of all requested shutdowns run,
    /// and the process exits after the last one. Its status is the highest of theirs. If one of
    /// them chose [`Exit::Signal`], the process exits by the signal.
    ///
    /// With [`start`](ExitOn::start), the program goes on beside the hooks:
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # use signoff::{Hooks, ShutdownSignal};
    /// # fn program(Blocking: impl signoff::Backend) -> Result<(), signoff::Error> {
    /// let shutdown = ShutdownSignal::listen(Blocking)?;
    /// let guard = Hooks::new()
    ///     .budget(Duration::from_secs(5))
    ///     .hook("queue", async || { /* … */ })
    ///     .exit_on(shutdown.clone())
    ///     .start()?;
    ///
    /// while !shutdown.is_requested() { /* work */ }
    /// guard.join(); // waits for the running hooks
    /// # Ok(())
    /// # }
    /// ```
    pub fn exit_on(self, shutdown: ShutdownSignal) -> ExitOn {
        ExitOn {
            hooks: self,
            shutdown,
            exit: Exit::default(),
            ending: Ending::default(),
            is_quiet: false,
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
    exit: Exit,
    ending: Ending,
    is_quiet: bool,
    in_flight: Vec<InFlight>,
    late: LateRequests,
}

impl ExitOn {
    /// Sets how the process exits. The default is [`Exit::Status`].
    pub fn exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    /// Sets how the process exits from the report. This replaces [`exit`](Self::exit).
    ///
    /// ```no_run
    /// # use signoff::{Exit, Hooks, ShutdownSignal};
    /// # let exit_on = Hooks::new().exit_on(ShutdownSignal::manual());
    /// exit_on.exit_with(|report| if report.is_clean() { Exit::Signal } else { Exit::Code(70) })
    /// # ;
    /// ```
    ///
    /// If `exit` panics or blocks, that of [`exit`](Self::exit) counts.
    pub fn exit_with(mut self, exit: impl FnOnce(&Report) -> Exit + Send + 'static) -> Self {
        self.ending.exit_with = Some(Box::new(exit));
        self
    }

    /// Passes the report to `f` before the process exits, in place of printing one that is not clean.
    ///
    /// `f` may take what is left of the budget, and at least a fifth of a second. After that the process
    /// exits even if `f` has not returned.
    pub fn on_report(mut self, f: impl FnOnce(Report) + Send + 'static) -> Self {
        self.ending.on_report = Some(Box::new(f));
        self
    }

    /// Prints nothing, neither what the process waits for nor a report that is not clean.
    ///
    /// [`on_report`](Self::on_report) still gets the report.
    pub fn quiet(mut self) -> Self {
        self.is_quiet = true;
        self
    }

    /// Names in the report what remains of this work.
    ///
    /// With [`run`](Self::run) and [`run_blocking`](Self::run_blocking), the program itself waits for the
    /// work before it returns. The report names what remains if it does not return in time. If a task that
    /// is [tracked](InFlight::track) has panicked, the program has failed. With [`start`](Self::start),
    /// which has no program, a stage named `in flight` waits for the work, after the delays and before all
    /// other hooks.
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
    /// Returns [`Error::Thread`] if a thread cannot be spawned, and [`Error::Forked`] if the signal belongs
    /// to the parent of this process. The hooks never run then.
    pub fn start(self) -> Result<ExitGuard, Error> {
        self.with_in_flight_stage().spawn(0)
    }

    /// Does not wait until the threads run. In Lambda that is a third of the added start-up time.
    pub(crate) fn start_without_waiting(self) -> Result<ExitGuard, Error> {
        self.with_in_flight_stage().spawn(1)
    }

    fn spawn(self, capacity: usize) -> Result<ExitGuard, Error> {
        if !self.shutdown.is_of_this_process() {
            return Err(Error::Forked);
        }
        let job = Arc::new(ExitJob::new(self));
        let watchdog = start_thread("signoff-watchdog", watchdog::watch, capacity)?;
        let driver = start_thread("signoff-driver", job::drive, capacity)?;
        job::register(&job);
        for thread in [watchdog, driver] {
            let _ = thread.send(Arc::clone(&job)); // the thread waits for this
        }
        Ok(ExitGuard { job })
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
            .field("exit", &self.exit)
            .finish_non_exhaustive()
    }
}
