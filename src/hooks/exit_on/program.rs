//! `ExitOn::run`: the program's own future is the first stage.

use std::future::{IntoFuture, poll_fn};
use std::mem;
use std::sync::{Arc, OnceLock};
use std::task::Poll;
use std::time::Instant;

use super::late_requests::LateRequests;
use super::{ExitGuard, ExitOn};
use crate::error::Error;
use crate::hooks::builder::Hooks;
use crate::hooks::engine::{Entry, Stage};
use crate::hooks::hook::{Hook, HookContext, IntoOutcome, Kind};
use crate::hooks::report::Outcome;
use crate::in_flight::InFlight;
use crate::in_flight::tracked_work::record_wait;
use crate::signal::ShutdownSignal;
use crate::util::block_on::block_on;
use crate::util::panic::catch_panic;
use crate::util::sync::{Mutex, lock};

// Invariant
//
// M1  The outcome is stored before `finished` is requested.

impl ExitOn {
    /// Runs the program, then the hooks, and exits the process.
    ///
    /// The program is the future `main`, not `fn main`: an error before `run` runs no hook. It is
    /// awaited on the current executor, like any other future. When the shutdown is requested, it
    /// has to stop by itself. That is the first stage, the row `main` in the report, with a share of
    /// the budget like every stage. If `main` has not returned at its deadline, it is abandoned, even
    /// if it blocks the executor, and the hooks run. An abandoned `main` is not dropped: it
    /// continues beside the hooks and keeps what it owns.
    ///
    /// If `main` returns, fails or panics without a shutdown request, that is the request: the
    /// hooks run with this as the reason. An error and a panic are in the report, and the exit
    /// status is 1.
    ///
    /// `main` returns what a hook may return: `()`, or a `Result` with any error. An async block with
    /// `?` ends in `io::Result::Ok(())` or `anyhow::Ok(())`, so that the type of its error is known.
    ///
    /// The future never resolves, except with an error. It is made to be the end of `main`, with any
    /// error type:
    ///
    /// ```no_run
    /// # use signoff::{Hooks, ShutdownSignal};
    /// # struct Pool; impl Pool { async fn close(self) {} }
    /// # async fn serve(_: ShutdownSignal) -> std::io::Result<()> { Ok(()) }
    /// # async fn program(Tokio: impl signoff::Backend, pool: Pool) -> Result<(), signoff::Error> {
    /// let shutdown = ShutdownSignal::listen(Tokio)?;
    /// let server = serve(shutdown.clone());
    /// Hooks::new()
    ///     .hook("database", async move || pool.close().await)
    ///     .exit_on(shutdown)
    ///     .run(server)
    ///     .await?;
    /// Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`Error::Thread`] if a thread cannot be spawned, and [`Error::Forked`] if the signal belongs
    /// to the parent of this process. `main` is not started then.
    ///
    /// # Cancel safety
    ///
    /// If this future is dropped, `main` is dropped with it and reported as failed. The hooks stay
    /// armed.
    pub async fn run<F, E>(self, main: F) -> Result<(), Error>
    where
        F: IntoFuture<Output: IntoOutcome<E>>,
    {
        self.run_with(|_| main).await
    }

    /// Does the same as [`run`](Self::run) with a program of threads, on this thread.
    ///
    /// The hooks start after `main` has stopped, so they cannot wake one that blocks in `accept`. A
    /// thread that waits for the shutdown can. The page of the feature `blocking` shows how.
    ///
    /// ```no_run
    /// # use std::io;
    /// # use std::net::TcpListener;
    /// # use signoff::{Hooks, ShutdownSignal};
    /// # fn program(Blocking: impl signoff::Backend) -> Result<(), signoff::Error> {
    /// let shutdown = ShutdownSignal::listen(Blocking)?;
    /// Hooks::new()
    ///     .blocking("index", || std::fs::rename("index.new", "index"))
    ///     .exit_on(shutdown.clone())
    ///     .run_blocking(|| work(&shutdown))?;
    /// # Ok(())
    /// # }
    ///
    /// fn work(shutdown: &ShutdownSignal) -> io::Result<()> {
    ///     let listener = TcpListener::bind("127.0.0.1:3000")?; // an error here is in the report
    ///     while !shutdown.is_requested() { /* … */ }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`run`](Self::run).
    pub fn run_blocking<T, E>(self, main: impl FnOnce() -> T) -> Result<(), Error>
    where
        T: IntoOutcome<E>,
    {
        block_on(self.run(async { main() }), None).unwrap_or(Ok(()))
    }

    /// Does the same as [`run`](Self::run) with a program that stops on a signal of its own.
    ///
    /// That signal is requested when the delays that [`keep_serving`](Hooks::keep_serving) has put
    /// in front of all hooks are over, with the reason of the shutdown. So the program serves during
    /// the delay. The delay ends early if the program returns.
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # use signoff::{Hooks, ShutdownSignal};
    /// # async fn serve(_: ShutdownSignal) -> std::io::Result<()> { Ok(()) }
    /// # async fn program(Tokio: impl signoff::Backend) -> Result<(), signoff::Error> {
    /// let shutdown = ShutdownSignal::listen(Tokio)?;
    /// Hooks::new()
    ///     .keep_serving(Duration::from_secs(5))
    ///     .hook("database", async || { /* … */ })
    ///     .exit_on(shutdown)
    ///     .run_with(|drain| serve(drain)) // stops five seconds after the signal
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`run`](Self::run).
    pub async fn run_with<F, E>(self, main: impl FnOnce(ShutdownSignal) -> F) -> Result<(), Error>
    where
        F: IntoFuture<Output: IntoOutcome<E>>,
    {
        self.run_with_deadline(|drain, _| main(drain)).await
    }

    /// The program's deadline is known when its signal is requested.
    pub(crate) async fn run_with_deadline<F, E>(
        mut self,
        main: impl FnOnce(ShutdownSignal, ProgramDeadline) -> F,
    ) -> Result<(), Error>
    where
        F: IntoFuture<Output: IntoOutcome<E>>,
    {
        let program = Arc::new(Program {
            drain: ShutdownSignal::manual(),
            deadline: Arc::default(),
            finished: ShutdownSignal::manual(),
            outcome: Mutex::new(None),
            in_flight: mem::take(&mut self.in_flight),
            late: mem::take(&mut self.late),
        });
        let shutdown = self.shutdown.clone();
        self.hooks = self.hooks.after_delays(program.hook());
        let guard = self.spawn(0)?;
        // Declared after the guard, so dropped before it.
        let running = Running { program: Arc::clone(&program), guard: &guard };
        let (drain, deadline) = (program.drain.clone(), Arc::clone(&program.deadline));
        let outcome = outcome_of(|| main(drain, deadline)).await;
        let why = describe(&outcome);
        let is_failure = !outcome.is_done();
        program.finish(outcome);
        _ = if is_failure { shutdown.fail(why) } else { shutdown.request(why) };
        drop(running);
        guard.await;
        Ok(())
    }

    /// Without a program, a stage waits for the work in flight.
    pub(super) fn with_in_flight_stage(mut self) -> Self {
        if !self.in_flight.is_empty() {
            let (work, late) = (mem::take(&mut self.in_flight), mem::take(&mut self.late));
            self.hooks = self.hooks.after_delays(in_flight_hook(work, late));
        }
        self
    }
}

fn in_flight_hook(work: Vec<InFlight>, late: LateRequests) -> Hook {
    Hook::asynchronous("in flight".into(), async move |context: HookContext| {
        let drained = ShutdownSignal::manual();
        late.start_thread(context.deadline(), &drained);
        for work in work {
            work.drained().await;
        }
        drained.request("nothing is in flight");
    })
}

impl Hooks {
    /// Adds a hook as a stage of its own: the first one after the delays.
    fn after_delays(mut self, hook: Hook) -> Self {
        self.stages.retain(|stage| !stage.is_empty());
        let delays = self.stages.iter().take_while(|stage| is_delay(stage)).count();
        self.stages.insert(delays, vec![Entry::Hook(hook)]);
        self
    }
}

/// The name of the program in the report.
const MAIN: &str = "main";

/// The deadline of the program. `None` in it is a budget without a limit.
pub(crate) type ProgramDeadline = Arc<OnceLock<Option<Instant>>>;

/// What the future of the program and its hooks share.
struct Program {
    /// Requested when the program has to stop.
    drain: ShutdownSignal,
    /// Set before `drain` is requested.
    deadline: ProgramDeadline,
    /// Requested when the program has returned.
    finished: ShutdownSignal,
    /// See M1.
    outcome: Mutex<Option<Outcome>>,
    /// What the program waits for, as far as the report can name it.
    in_flight: Vec<InFlight>,
    late: LateRequests,
}

impl Program {
    /// It cannot be dropped from here, so at its deadline it is abandoned like a blocking hook.
    fn hook(self: &Arc<Self>) -> Hook {
        let program = Arc::clone(self);
        Hook::new(MAIN.into(), Kind::Blocking, move |context| {
            program.in_flight.iter().for_each(record_wait);
            _ = program.deadline.set(context.deadline());
            if let Some(reason) = context.reason() {
                program.drain.request_for(reason.clone());
            }
            program.late.start_thread(context.deadline(), &program.finished);
            Box::pin(async move {
                (&program.finished).await;
                lock(&program.outcome).take().unwrap_or(Outcome::Done)
            })
        })
    }

    fn finish(&self, outcome: Outcome) {
        lock(&self.outcome).get_or_insert(outcome); // M1
        self.finished.request("the program returned");
    }
}

fn is_delay(stage: &Stage) -> bool {
    stage.iter().all(|entry| matches!(entry, Entry::Hook(hook) if hook.kind == Kind::Delay))
}

/// The hooks do not wait for a program that has returned or was dropped, nor do the delays.
struct Running<'a> {
    program: Arc<Program>,
    guard: &'a ExitGuard,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.program.finish(Outcome::failed("dropped before it returned"));
        self.guard.job.skip_delays();
    }
}

/// Awaits the program and drops it. No panic comes out of it.
async fn outcome_of<F, E>(main: impl FnOnce() -> F) -> Outcome
where
    F: IntoFuture<Output: IntoOutcome<E>>,
{
    let mut main = match catch_panic(|| Box::pin(main().into_future())) {
        Ok(main) => main,
        Err(panic) => return Outcome::Panicked(panic),
    };
    let polled = poll_fn(|cx| match catch_panic(|| main.as_mut().poll(cx)) {
        Ok(polled) => polled.map(Ok),
        Err(panic) => Poll::Ready(Err(panic)),
    });
    let outcome = polled.await.map_or_else(Outcome::Panicked, IntoOutcome::into_outcome);
    catch_panic(|| drop(main)).map_or_else(Outcome::Panicked, |()| outcome)
}

fn describe(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done => format!("{MAIN} returned"),
        outcome => outcome.sentence(MAIN),
    }
}
