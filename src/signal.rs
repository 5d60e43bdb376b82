//! The signals that can request a shutdown.

use std::fmt;
use std::hash::{Hash, Hasher};

/// A signal that can request a shutdown.
///
/// Signals without a name here are [`Signal::Other`] with their number on this platform. Two values
/// are equal if their numbers are: `Signal::Other(15)` is [`Signal::Terminate`]. The crate itself
/// always returns the name, if there is one.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Signal {
    /// `SIGTERM`: sent by service managers and container runtimes to stop a process.
    Terminate,
    /// `SIGINT`: Ctrl-C in a terminal.
    Interrupt,
    /// `SIGHUP`: the terminal was closed. Many daemons reload their configuration on it.
    Hangup,
    /// `SIGQUIT`: Ctrl-\ in a terminal.
    Quit,
    /// Any other signal, by its number on this platform.
    Other(i32),
}

impl Signal {
    /// Returns the signal with this number. POSIX fixes the numbers of the four with names.
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

    /// Returns the number of the signal.
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

impl PartialEq for Signal {
    fn eq(&self, other: &Self) -> bool {
        self.as_raw() == other.as_raw()
    }
}

impl Eq for Signal {}

impl Hash for Signal {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_raw().hash(state);
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Self::from_raw(self.as_raw()) {
            Self::Terminate => f.write_str("SIGTERM"),
            Self::Interrupt => f.write_str("SIGINT"),
            Self::Hangup => f.write_str("SIGHUP"),
            Self::Quit => f.write_str("SIGQUIT"),
            Self::Other(number) => write!(f, "signal {number}"),
        }
    }
}
