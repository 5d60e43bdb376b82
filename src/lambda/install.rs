//! Hooks that run when Lambda sends `SIGTERM`.
//!
//! `install` collects options. `start`, which awaiting calls too, first installs the handlers, so that
//! a signal that arrives during the registration runs the hooks. It then sends the registration, and
//! starts the threads of [`ExitOn`] while the Runtime API responds. From there on the adapter is
//! idle: the hooks run, and the process exits, as in any other program.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::time::Duration;

use super::error::{Error, RegistrationError, log};
use super::extension::Extension;
use super::registration::Sent;
use super::shared_signal::SharedSignal;
use crate::hooks::builder::Hooks;
use crate::hooks::exit_on::Exit;
use crate::hooks::report::Report;
use crate::hooks::{AsyncHook, ExitGuard, ExitOn, IntoOutcome};
use crate::signal::ShutdownSignal;

/// Lambda sends `SIGKILL` 500 ms after `SIGTERM`.
const BUDGET: Duration = Duration::from_millis(450);

/// Runs `hook` when Lambda sends `SIGTERM`, and then exits the process.
///
/// Await this before `lambda_runtime::run`, and keep the returned value until `main` returns. It is
/// [`install`] with a single hook.
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
/// Returns an error under the same conditions as [`install`].
pub async fn set_graceful_shutdown_handler<F, Fut, E>(hook: F) -> Result<Installed, Error>
where
    F: FnOnce() -> Fut + Send + 'static,
    Fut: AsyncHook<Returned: IntoOutcome<E>> + Send + 'static,
{
    install(Hooks::new().hook("shutdown", hook)).await
}

/// Runs `hooks` when Lambda sends `SIGTERM`, and then exits the process.
///
/// Await the returned value, or call [`start`](Install::start) in a program without a runtime. Both
/// do this, in this order:
///
/// 1. install the handlers of `SIGTERM` and `SIGINT`,
/// 2. register an [`Extension`], because Lambda sends `SIGTERM` only to functions that have one,
/// 3. start the threads that run the hooks, while the Runtime API responds,
/// 4. report to Lambda that the extension is ready.
///
/// A signal that arrives meanwhile is kept, and runs the hooks.
///
/// Call it before `lambda_runtime::run`, which closes the registration.
///
/// The hooks run as with [`Hooks::exit_on`]: on threads of their own, even if the handler blocks
/// the only thread of the runtime, or if the runtime is gone. Their budget is 450 ms, or less if
/// they have a shorter one. [`budget`](Install::budget) sets another budget.
///
/// Outside Lambda, `AWS_LAMBDA_RUNTIME_API` is not set. Nothing is registered then, and the hooks
/// run on `SIGTERM` and Ctrl-C.
///
/// Later calls add their hooks to those of earlier calls. The hooks of all calls run concurrently,
/// and the process exits after the last one.
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
/// let _installed = lambda::install(hooks).await?; // keep it until main returns
/// # Ok(())
/// # }
/// ```
pub fn install(hooks: Hooks) -> Install {
    Install {
        hooks,
        extension: Some(Extension::default()),
        budget: None,
        exit: Exit::default(),
        on_report: None,
        is_strict: false,
    }
}

/// The options of [`install`]. Nothing happens until this is awaited or started.
#[must_use = "nothing is installed until this is awaited, or `start` is called"]
pub struct Install {
    pub(super) hooks: Hooks,
    pub(super) extension: Option<Extension>,
    budget: Option<Duration>,
    exit: Exit,
    on_report: Option<OnReport>,
    is_strict: bool,
}

type OnReport = Box<dyn FnOnce(Report) + Send>;

impl Install {
    /// Registers this extension, for another name or timeout.
    pub fn extension(mut self, extension: Extension) -> Self {
        self.extension = Some(extension);
        self
    }

    /// Registers no extension.
    ///
    /// Use this if the function has another extension, such as a layer or the Lambda Web Adapter:
    /// Lambda then sends `SIGTERM` because of that one.
    pub fn without_extension(mut self) -> Self {
        self.extension = None;
        self
    }

    /// Sets the time that all hooks share, counted from the signal.
    ///
    /// It replaces the budget of the hooks, and may be longer than 450 ms.
    pub fn budget(mut self, budget: Duration) -> Self {
        self.budget = Some(budget);
        self
    }

    /// Sets how the process exits. Lambda ignores the exit status.
    pub fn exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    /// Calls `f` with the report of the hooks before the process exits. By default nothing is printed.
    pub fn on_report(mut self, f: impl FnOnce(Report) + Send + 'static) -> Self {
        self.on_report = Some(Box::new(f));
        self
    }

    /// Returns an error if the registration fails.
    ///
    /// By default the function continues without an extension, because it can still serve. The
    /// feature `tracing` logs the error, and [`Installed::registration_error`] returns it.
    pub fn strict(mut self) -> Self {
        self.is_strict = true;
        self
    }

    /// Installs the hooks and registers the extension. Works with and without a runtime.
    ///
    /// It blocks the thread, in Lambda for a few milliseconds.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Signal`] if the system refuses a handler, a file descriptor or a thread. No
    /// handler is installed then, but the extension may be registered.
    ///
    /// Returns [`Error::Registration`] if the registration fails and [`strict`](Self::strict) is
    /// set. The hooks stay armed in that case.
    pub fn start(self) -> Result<Installed, Error> {
        let Self { hooks, extension, budget, exit, on_report, is_strict } = self;
        let budget = budget.unwrap_or(hooks.budget.min(BUDGET));
        let arm = |shutdown| {
            let exit_on = hooks.budget(budget).exit_on(shutdown).exit(exit).quiet();
            on_report.into_iter().fold(exit_on, ExitOn::on_report).start_without_waiting()
        };
        let signal = SharedSignal::listen().map_err(Error::Signal)?;
        let sent = extension.map_or(Ok(None), |extension| extension.send());
        // Threads start while the Runtime API responds. A signal that arrives first is kept.
        let armed = arm(signal.shutdown.clone());
        // If that failed, the extension is registered even so, and Lambda waits for it.
        let registered = sent.and_then(|sent| sent.map_or(Ok(()), Sent::finish));
        let guard = armed.map_err(Error::Signal)?;
        let shutdown = signal.keep();
        let registration_error = match registered {
            Err(error) if is_strict => return Err(Error::Registration(error)),
            registered => registered.err(),
        };
        if let Some(error) = &registration_error {
            log(error, "no extension is registered");
        }
        Ok(Installed { guard, shutdown, registration_error })
    }
}

impl IntoFuture for Install {
    type Output = Result<Installed, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    /// Calls [`start`](Self::start) when the future is first polled.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async { self.start() })
    }
}

impl fmt::Debug for Install {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Install")
            .field("hooks", &self.hooks)
            .field("extension", &self.extension)
            .field("budget", &self.budget)
            .field("exit", &self.exit)
            .field("is_strict", &self.is_strict)
            .finish_non_exhaustive()
    }
}

/// Installed hooks. Keep this value until `main` returns: dropping it waits for running hooks.
///
/// Before a shutdown is requested, dropping it does nothing: the hooks stay armed. A `main` can
/// return while hooks run, because `lambda_runtime::run` returns if the Runtime API is gone. Under
/// `cargo lambda watch` that may happen at the moment of the signal.
#[derive(Debug)]
pub struct Installed {
    pub(super) guard: ExitGuard,
    shutdown: ShutdownSignal,
    registration_error: Option<RegistrationError>,
}

impl Installed {
    /// Returns the signal that starts the hooks, for other parts of the function.
    ///
    /// [Requesting](ShutdownSignal::request) the shutdown through it also runs the hooks and exits
    /// the process.
    pub fn shutdown(&self) -> ShutdownSignal {
        self.shutdown.clone()
    }

    /// Returns why the registration failed, or `None` if it did not.
    #[must_use]
    pub fn registration_error(&self) -> Option<&RegistrationError> {
        self.registration_error.as_ref()
    }

    /// Waits until the process exits if a shutdown was requested. Otherwise returns immediately.
    pub fn join(self) {
        self.guard.join();
    }
}
