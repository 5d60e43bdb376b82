//! The signals that can request a shutdown.

use std::fmt;

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
