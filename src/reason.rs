//! Why a shutdown was asked for.

use std::fmt;
use std::sync::Arc;

use crate::signal::Signal;

/// Why a shutdown was asked for: by which signal, or by which words of the program itself.
///
/// `Display` is made for a log line:
///
/// ```
/// use signoff::{Reason, Process, ShutdownSignal, Signal};
///
/// let sender = Some(Process { pid: 4242, uid: 0 });
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
    /// A signal of the operating system.
    Signal {
        /// Which one.
        signal: Signal,
        /// Who sent it, where the kernel tells. It does for `kill` and its relatives, and only
        /// for senders that this process can see: not for Ctrl-C in a terminal, and not across
        /// PID namespaces. Linux only.
        sender: Option<Process>,
    },
    /// [`ShutdownSignal::request`](crate::ShutdownSignal::request), with its text.
    Request(Arc<str>),
}

/// The process that sent a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Process {
    /// Its process id. It may have ended since, and the number may have been given out again.
    pub pid: u32,
    /// The real user id it ran as.
    pub uid: u32,
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
        }
    }
}
