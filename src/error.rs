//! Errors of `listen` and `exit_on`.

use std::{error, fmt, io};

use crate::signal::Signal;

/// Why a call such as [`ShutdownSignal::listen`](crate::ShutdownSignal::listen) failed.
///
/// `Display` says what happened and what to do, and `Debug` shows the same text, because that is what
/// `main` prints. A failed call leaves nothing behind: signals do what they did before.
#[non_exhaustive]
pub enum Error {
    /// The set of signals is empty, and there is no other source.
    NoSignals,
    /// The set contains a signal that a program cannot listen to. It cannot be caught (`SIGKILL`,
    /// `SIGSTOP`) or reports a fault of the program (`SIGSEGV`, `SIGABRT`, …). A shutdown also refuses
    /// what is part of normal operation (`SIGPIPE`, `SIGCHLD`, …), a stream does not.
    NotAllowed(Signal),
    /// The platform does not have this signal.
    Unknown(Signal),
    /// The system refused the handler of a signal.
    Register {
        /// The signal.
        signal: Signal,
        /// The error of the system.
        source: io::Error,
    },
    /// The calling thread is not inside a runtime.
    NoRuntime {
        /// The name of the runtime.
        runtime: &'static str,
    },
    /// The runtime was built without an I/O driver.
    NoDriver {
        /// The name of the runtime.
        runtime: &'static str,
    },
    /// The process cannot open another descriptor, or the runtime cannot watch it.
    Descriptor(io::Error),
    /// The system does not let this process watch its parent, for
    /// [`or_parent_exit`](crate::Signals::or_parent_exit).
    Parent(io::Error),
    /// A stream has signals only, without [`or_stdin_closed`](crate::Signals::or_stdin_closed) and
    /// [`or_parent_exit`](crate::Signals::or_parent_exit).
    NotForStreams,
    /// The system refused a thread.
    Thread(io::Error),
    /// The signal belongs to the parent process: this one was forked after `listen`, and has neither its
    /// threads nor its handlers.
    Forked,
    /// A third-party [`Backend`](crate::Backend) failed to start.
    Backend(Box<dyn error::Error + Send + Sync>),
}

/// The system call that installs a handler.
const HANDLER_CALL: &str = if cfg!(windows) { "SetConsoleCtrlHandler" } else { "sigaction" };

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSignals => {
                f.write_str("the set of signals is empty: add one, or use ShutdownSignal::manual()")
            }
            Self::NotAllowed(signal) => {
                write!(f, "a program cannot listen to {signal}: remove it from the set")
            }
            Self::Unknown(signal) => {
                write!(f, "this platform has no {signal}: remove it from the set")
            }
            Self::Register { signal, source } => write!(
                f,
                "the system refused a handler for {signal}: {source}; \
                 remove it from the set, or allow {HANDLER_CALL} in the sandbox"
            ),
            Self::NoRuntime { runtime } => write!(
                f,
                "this thread is not inside a {runtime} runtime: call listen in an async fn \
                 or after entering the runtime, or use another backend"
            ),
            Self::NoDriver { runtime } => write!(
                f,
                "the {runtime} runtime has no I/O driver: \
                 build it with enable_io() or enable_all(), or use another backend"
            ),
            Self::Descriptor(source) => write!(
                f,
                "no descriptor for the signal: {source}; raise the limit (ulimit -n), \
                 or call listen before the program opens many files"
            ),
            Self::Parent(source) => write!(
                f,
                "the system does not let this process watch its parent: {source}; \
                 remove or_parent_exit()"
            ),
            Self::NotForStreams => f.write_str(
                "a stream has signals only: remove or_stdin_closed() and or_parent_exit(), \
                 and add them to the set of a shutdown",
            ),
            Self::Thread(source) => write!(
                f,
                "no thread for the signal: {source}; raise the limit (ulimit -u), \
                 or call this before the program starts many threads"
            ),
            Self::Forked => f.write_str(
                "the signal belongs to the parent process: call listen after the fork, in this process",
            ),
            Self::Backend(source) => write!(f, "the backend failed to start: {source}"),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `Display` shows the cause already, so the chain of sources continues below it.
impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Register { source, .. }
            | Self::Descriptor(source)
            | Self::Parent(source)
            | Self::Thread(source) => source.source(),
            Self::Backend(source) => source.source(),
            _ => None,
        }
    }
}

/// Keeps the kind of the error; [`io::Error::get_ref`] returns the error itself.
impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match &error {
            Error::Register { source, .. }
            | Error::Descriptor(source)
            | Error::Parent(source)
            | Error::Thread(source) => source.kind(),
            Error::NoSignals | Error::NotForStreams | Error::NotAllowed(_) | Error::Unknown(_) => {
                io::ErrorKind::InvalidInput
            }
            _ => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}
