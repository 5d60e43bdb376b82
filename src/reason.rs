//! Why a shutdown was asked for.

use std::fmt;
use std::sync::Arc;

/// Why a shutdown was asked for: by which signal, or by which words of the program itself.
///
/// `Display` is made for a log line:
///
/// ```
/// use signoff::{Reason, Sender, ShutdownSignal, Signal};
///
/// let sender = Some(Sender { pid: 4242, uid: 0 });
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
        sender: Option<Sender>,
    },
    /// [`ShutdownSignal::request`](crate::ShutdownSignal::request), with its text.
    Request(Arc<str>),
}

/// The process that sent a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sender {
    /// Its process id. It may have ended since, and the number may have been given out again.
    pub pid: u32,
    /// The real user id it ran as.
    pub uid: u32,
}

/// A signal that a program can take as "please stop".
///
/// Signals without a name here are [`Signal::Other`] with the number that the platform gives them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Signal {
    /// `SIGTERM`: how service managers and containers ask a process to stop.
    Terminate,
    /// `SIGINT`: Ctrl-C in a terminal.
    Interrupt,
    /// `SIGHUP`: the terminal is gone. Many daemons read their configuration again on it.
    Hangup,
    /// `SIGQUIT`: Ctrl-\ in a terminal.
    Quit,
    /// Any other signal, by its number on this platform.
    Other(i32),
}

impl Signal {
    /// The signal with this number. POSIX fixes the numbers of the four that have names here.
    #[must_use]
    pub const fn from_raw(number: i32) -> Self {
        match number {
            1 => Self::Hangup,
            2 => Self::Interrupt,
            3 => Self::Quit,
            15 => Self::Terminate,
            _ => Self::Other(number),
        }
    }

    /// The number of the signal.
    #[must_use]
    pub const fn as_raw(self) -> i32 {
        match self {
            Self::Hangup => 1,
            Self::Interrupt => 2,
            Self::Quit => 3,
            Self::Terminate => 15,
            Self::Other(number) => number,
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Terminate => f.write_str("SIGTERM"),
            Self::Interrupt => f.write_str("SIGINT"),
            Self::Hangup => f.write_str("SIGHUP"),
            Self::Quit => f.write_str("SIGQUIT"),
            Self::Other(number) => write!(f, "signal {number}"),
        }
    }
}

impl fmt::Display for Sender {
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
