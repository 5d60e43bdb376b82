//! Hooks that run when Lambda takes the environment down.

use std::fmt;
use std::future::{self, IntoFuture, Ready};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::error::{Error, RegistrationError};
use super::extension::Extension;
use crate::backend::blocking::Blocking;
use crate::backend::tokio::Tokio;
use crate::hooks::{AsyncHook, ExitGuard, ExitOn, Hooks, IntoOutcome, Report};
use crate::lambda_tracing;
use crate::shutdown_signal::ShutdownSignal;

/// Lambda sends `SIGKILL` half a second after `SIGTERM`.
const BUDGET: Duration = Duration::from_millis(450);

/// The signal of all that was ever installed in this process.
static SHUTDOWN: Mutex<Option<ShutdownSignal>> = Mutex::new(None);

/// Runs `hook` when Lambda takes the environment down. All there is to know about it.
///
/// To be called before `lambda_runtime::run`. It is [`install`] with this one hook. Keep what it
/// returns until the end of `main`.
///
/// ```no_run
/// # struct Store; impl Store { async fn close(self) {} }
/// # fn open() -> Store { Store }
/// # use lambda_runtime::{service_fn, LambdaEvent, Error};
/// # #[tokio::main]
/// # async fn main() -> Result<(), Error> {
/// let store = open();
/// let close = async move || store.close().await;
/// let _installed = signoff::lambda::set_graceful_shutdown_handler(close).await?;
/// # let handler = async |event: LambdaEvent<String>| Ok::<_, Error>(event.payload);
/// lambda_runtime::run(service_fn(handler)).await
/// # }
/// ```
///
/// # Errors
///
/// As for [`install`].
pub async fn set_graceful_shutdown_handler<F, Fut>(hook: F) -> Result<Installed, Error>
where
    F: FnOnce() -> Fut + Send + 'static,
    Fut: AsyncHook<Output: IntoOutcome> + Send + 'static,
{
    install(Hooks::new().hook("shutdown", hook)).await
}

/// Runs `hooks` when Lambda takes the environment down, and then ends the process.
///
/// Awaiting what this returns does it; so does [`start`](Install::start), where there is no runtime.
/// In this order: the handler of `SIGTERM` and `SIGINT` is set, the threads that run the hooks are
/// started, an [`Extension`] is registered, because Lambda sends `SIGTERM` only where there is one,
/// and Lambda is told that it is ready. Then it returns. So it is to be called before
/// `lambda_runtime::run`, which ends the time to register.
///
/// The hooks run as with [`Hooks::exit_on`]: on threads of their own, even if the handler blocks
/// the only thread of the runtime, or that is gone. The budget is theirs, but 450 ms at the most.
/// [`budget`](Install::budget) chooses another one.
///
/// Outside of Lambda, where `AWS_LAMBDA_RUNTIME_API` is not set, nothing is registered, and the
/// hooks run on `SIGTERM` and Ctrl-C all the same. A second call adds its hooks to the first: all
/// run, side by side, and the process ends after the last one.
///
/// ```no_run
/// # struct Db; impl Db { async fn close(self) {} }
/// # async fn flush() -> Result<(), std::io::Error> { Ok(()) }
/// # async fn run(db: Db) -> Result<(), signoff::lambda::Error> {
/// use signoff::{Hooks, lambda};
///
/// let hooks = Hooks::new()
///     .hook("metrics", async || flush().await)
///     .hook("database", async move || db.close().await);
/// let _installed = lambda::install(hooks).await?; // until the end of main
/// # Ok(())
/// # }
/// ```
pub fn install(hooks: Hooks) -> Install {
    let (extension, on_report) = (Some(Extension::default()), None);
    Install { hooks, extension, on_report, budget: None, is_strict: false }
}

/// The choices of [`install`]. Nothing happens until it is awaited, or [`start`](Self::start) is
/// called.
#[must_use = "nothing is installed until this is awaited, or `start` is called"]
pub struct Install {
    pub(super) hooks: Hooks,
    extension: Option<Extension>,
    on_report: Option<OnReport>,
    budget: Option<Duration>,
    is_strict: bool,
}

type OnReport = Box<dyn FnOnce(Report) + Send>;

impl fmt::Debug for Install {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Install")
            .field("hooks", &self.hooks)
            .field("extension", &self.extension)
            .field("budget", &self.budget)
            .field("is_strict", &self.is_strict)
            .finish_non_exhaustive()
    }
}

impl Install {
    /// Registers this extension: one with another name, or with more time.
    pub fn extension(mut self, extension: Extension) -> Self {
        self.extension = Some(extension);
        self
    }

    /// Registers nothing: for functions that have an extension anyway, be it a layer or the Lambda
    /// Web Adapter. `SIGTERM` comes thanks to that one.
    pub fn without_extension(mut self) -> Self {
        self.extension = None;
        self
    }

    /// The time that the hooks have together, counted from the signal; this and no other.
    ///
    /// Without it, it is what the hooks say, and 450 ms at the most.
    pub fn budget(mut self, budget: Duration) -> Self {
        self.budget = Some(budget);
        self
    }

    /// Calls `f` with the report of the hooks before the process exits.
    pub fn on_report(mut self, f: impl FnOnce(Report) + Send + 'static) -> Self {
        self.on_report = Some(Box::new(f));
        self
    }

    /// Makes a registration that fails an error of the program.
    ///
    /// Without it the function goes on, because it can serve all the same. The feature `tracing`
    /// tells of it then, and [`Installed::registration_error`].
    pub fn strict(mut self) -> Self {
        self.is_strict = true;
        self
    }

    /// Does it, in any runtime and without one. The thread is blocked meanwhile: for a few
    /// milliseconds in Lambda.
    ///
    /// # Errors
    ///
    /// Where the system refuses a handler, a descriptor or a thread; nothing is left behind then.
    /// Where the registration failed, and is to be [`strict`](Self::strict); the hooks run at a
    /// signal all the same then.
    pub fn start(self) -> Result<Installed, Error> {
        let Self { hooks, extension, on_report, budget, is_strict } = self;
        let hooks = match budget {
            Some(budget) => hooks.budget(budget),
            None => hooks.budget_at_most(BUDGET),
        };
        // The hooks are armed first: SIGTERM may come as soon as the extension is registered, and
        // while that takes its time.
        let (shutdown, guard) = arm(hooks, on_report)?;
        let registered = extension.map_or(Ok(false), |extension| extension.register());
        let registration_error = match registered {
            Err(error) if is_strict => return Err(Error::Registration(error)),
            registered => registered.err(),
        };
        registration_error.iter().for_each(lambda_tracing::not_registered);
        Ok(Installed { guard, shutdown, registration_error })
    }
}

impl IntoFuture for Install {
    type Output = Result<Installed, Error>;
    type IntoFuture = Ready<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        future::ready(self.start())
    }
}

/// The first call in the process listens, on the runtime that it is called in, if there is one.
fn arm(hooks: Hooks, on_report: Option<OnReport>) -> Result<(ShutdownSignal, ExitGuard), Error> {
    let mut known = SHUTDOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let shutdown = match &*known {
        Some(shutdown) => shutdown.clone(),
        None => ShutdownSignal::listen(Tokio)
            .or_else(|_| ShutdownSignal::listen(Blocking))
            .map_err(Error::Signal)?,
    };
    let exit_on = hooks.exit_on(shutdown.clone());
    let exit_on = on_report.into_iter().fold(exit_on, ExitOn::on_report);
    let guard = exit_on.start().map_err(Error::Signal)?;
    // Not sooner: without hooks nobody would answer the signal that this keeps.
    *known = Some(shutdown.clone());
    Ok((shutdown, guard))
}

/// What [`install`] has done. `main` keeps it to its end: dropped while the hooks run, it waits for
/// them, as [`ExitGuard`] does.
///
/// Where `main` has no end it may be dropped before: the hooks stay armed. `lambda_runtime::run`
/// returns when the Runtime API is gone, though, and under `cargo lambda watch` that may be so at
/// the moment of the signal.
#[derive(Debug)]
pub struct Installed {
    guard: ExitGuard,
    shutdown: ShutdownSignal,
    registration_error: Option<RegistrationError>,
}

impl Installed {
    /// The signal that the hooks wait for: for whatever else in the function wants to know.
    ///
    /// To [`request`](ShutdownSignal::request) it ends the process, like the signal does.
    pub fn shutdown(&self) -> ShutdownSignal {
        self.shutdown.clone()
    }

    /// Why the registration failed, where it did.
    #[must_use]
    pub fn registration_error(&self) -> Option<&RegistrationError> {
        self.registration_error.as_ref()
    }

    /// Waits for the end of the process where the hooks run; returns at once where no shutdown was
    /// asked for.
    pub fn join(self) {
        self.guard.join();
    }

    /// Resolves at once while no shutdown was asked for, and never where the hooks run.
    pub(super) async fn ended(self) {
        self.guard.await;
    }
}
