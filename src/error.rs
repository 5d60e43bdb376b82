//! What can go wrong when a program begins to listen.

use std::{error, fmt, io};

use crate::signal::Signal;

/// Why [`ShutdownSignal::listen`](crate::ShutdownSignal::listen) did not begin to listen.
///
/// Each says what to do about it, and none leaves anything behind: signals do what they did before.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The set of signals is empty.
    NoSignals,
    /// The set holds a signal that no program can take as "please stop": one that cannot be
    /// caught (`SIGKILL`, `SIGSTOP`), that reports a fault of the program itself (`SIGSEGV`,
    /// `SIGABRT`, …), or that arrives in ordinary life (`SIGPIPE`, `SIGCHLD`, …).
    NotAllowed(Signal),
    /// The platform has no signal of this number.
    Unknown(Signal),
    /// The system refused the handler for a signal.
    Register {
        /// The signal.
        signal: Signal,
        /// What the system said.
        source: io::Error,
    },
    /// There is no runtime here, on this thread.
    NoRuntime {
        /// Its name.
        runtime: &'static str,
    },
    /// The runtime was built without the driver that watches descriptors.
    NoDriver {
        /// Its name.
        runtime: &'static str,
    },
    /// The process may not open another descriptor, or the runtime may not watch it.
    Descriptor(io::Error),
    /// The system refused a thread.
    Thread(io::Error),
    /// A [`Backend`](crate::Backend) of somebody else's gave up, for this reason.
    Backend(Box<dyn error::Error + Send + Sync>),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSignals => {
                f.write_str("the set of signals is empty: add one, or use ShutdownSignal::manual()")
            }
            Self::NotAllowed(signal) => {
                write!(f, "{signal} cannot ask a process to stop: take it out of the set")
            }
            Self::Unknown(signal) => {
                write!(f, "there is no {signal} on this platform: take it out of the set")
            }
            Self::Register { signal, source } => write!(
                f,
                "the system refused a handler for {signal}: {source}; \
                 take it out of the set, or allow sigaction where the process is sandboxed"
            ),
            Self::NoRuntime { runtime } => write!(
                f,
                "no {runtime} runtime on this thread: call listen inside of it \
                 (in an async fn, or after entering it), or use another backend"
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
            Self::Thread(source) => write!(
                f,
                "no thread for the signal: {source}; raise the limit (ulimit -u), \
                 or call this before the program starts many threads"
            ),
            Self::Backend(source) => write!(f, "the backend cannot watch: {source}"),
        }
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Register { source, .. } | Self::Descriptor(source) | Self::Thread(source) => {
                Some(source)
            }
            Self::Backend(source) => Some(&**source),
            _ => None,
        }
    }
}
