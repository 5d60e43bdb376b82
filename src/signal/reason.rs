//! Why a shutdown was requested.

use std::fmt;
use std::sync::Arc;

use crate::signal::Signal;

/// Why a shutdown was requested: the signal, the message of a request, or a lifeline that ended.
///
/// `Display` is one line for a log:
///
/// ```
/// use signoff::{Reason, Process, ShutdownSignal, Signal};
///
/// let sender = Some(Process::new(4242, 0));
/// let reason = Reason::Signal { signal: Signal::Terminate, sender };
/// assert_eq!(reason.to_string(), "SIGTERM from pid 4242 (uid 0)");
///
/// let reason = Reason::Signal { signal: Signal::Interrupt, sender: None };
/// assert_eq!(reason.to_string(), "SIGINT");
///
/// let shutdown = ShutdownSignal::manual();
/// shutdown.request("config changed");
/// assert_eq!(shutdown.wait().to_string(), "request: config changed");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// A signal.
    Signal {
        /// The signal.
        signal: Signal,
        /// The process that sent it, if the kernel vouches for that: for `kill`, `tgkill` and
        /// `pthread_kill`. `None` for Ctrl-C in a terminal, for a timer, for a process outside
        /// this PID namespace, and for `sigqueue`, because its sender can be forged. Linux only.
        sender: Option<Process>,
    },
    /// [`ShutdownSignal::request`](crate::ShutdownSignal::request), with its message.
    Request(Arc<str>),
    /// Standard input was closed: see [`Signals::or_stdin_closed`](crate::Signals::or_stdin_closed).
    StdinClosed,
    /// The parent process has exited: see [`Signals::or_parent_exit`](crate::Signals::or_parent_exit).
    ParentExited,
}

/// The process that sent a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Process {
    pub(crate) pid: u32,
    pub(crate) uid: u32,
}

impl Process {
    /// Describes a process, for tests.
    #[must_use]
    pub const fn new(pid: u32, uid: u32) -> Self {
        Self { pid, uid }
    }

    /// Returns its process id. The process may have ended since, and its id may have been reused.
    #[must_use]
    pub const fn pid(&self) -> u32 {
        self.pid
    }

    /// Returns its real user id.
    #[must_use]
    pub const fn uid(&self) -> u32 {
        self.uid
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pid {} (uid {})", self.pid, self.uid)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal { signal, sender: Some(sender) } => write!(f, "{signal} from {sender}"),
            Self::Signal { signal, sender: None } => signal.fmt(f),
            Self::Request(text) => write!(f, "request: {text}"),
            Self::StdinClosed => f.write_str("standard input was closed"),
            Self::ParentExited => f.write_str("the parent process has exited"),
        }
    }
}
