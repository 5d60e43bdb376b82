//! The signals that can request a shutdown.

use std::fmt;
use std::hash::{Hash, Hasher};

/// A signal that can request a shutdown.
///
/// Signals without a name here are [`Signal::Other`] with their number on this platform. Two values
/// are equal if their numbers are: `Signal::Other(15)` is [`Signal::Terminate`]. The crate itself
/// always returns the name, if there is one.
///
/// A platform has some of them, and `listen` returns [`Error::Unknown`](crate::Error::Unknown) for the
/// others. Windows has `Interrupt`, the four `Ctrl…`, and `Terminate` in their place.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Signal {
    /// `SIGTERM`: sent by service managers and container runtimes to stop a process.
    ///
    /// On Windows, which has no `SIGTERM`, a set with this has [`CtrlBreak`](Self::CtrlBreak),
    /// [`CtrlClose`](Self::CtrlClose), [`CtrlLogoff`](Self::CtrlLogoff) and
    /// [`CtrlShutdown`](Self::CtrlShutdown) instead. The [`Reason`](crate::Reason) names one of those.
    Terminate,
    /// `SIGINT`: Ctrl-C in a terminal, on every platform.
    Interrupt,
    /// `SIGHUP`: the terminal was closed. Many daemons reload their configuration on it.
    Hangup,
    /// `SIGQUIT`: Ctrl-\ in a terminal.
    Quit,
    /// Windows: Ctrl-Break in a console, or sent by the parent process to a process group.
    CtrlBreak,
    /// Windows: the console was closed. The process has 5 seconds.
    CtrlClose,
    /// Windows: the user logs off. The process has 5 seconds.
    CtrlLogoff,
    /// Windows: the system shuts down. The process has 5 seconds.
    CtrlShutdown,
    /// Any other signal, by its number on this platform.
    Other(i32),
}

/// The signals that a supervisor sends to stop a program.
const TERMINATE: &[Signal] = if cfg!(windows) {
    &[Signal::CtrlBreak, Signal::CtrlClose, Signal::CtrlLogoff, Signal::CtrlShutdown]
} else {
    &[Signal::Terminate]
};

/// No Unix has so many signals.
const FIRST_EVENT: i32 = 256;

const CTRL_BREAK: i32 = FIRST_EVENT + 1;
const CTRL_CLOSE: i32 = FIRST_EVENT + 2;
const CTRL_LOGOFF: i32 = FIRST_EVENT + 5;
const CTRL_SHUTDOWN: i32 = FIRST_EVENT + 6;

impl Signal {
    /// Returns the signal with this number. POSIX fixes the numbers of its four. Those of the Windows
    /// events are this crate's own: 256 + the number of the event.
    #[must_use]
    pub const fn from_raw(number: i32) -> Self {
        match number {
            1 => Self::Hangup,
            2 => Self::Interrupt,
            3 => Self::Quit,
            15 => Self::Terminate,
            CTRL_BREAK => Self::CtrlBreak,
            CTRL_CLOSE => Self::CtrlClose,
            CTRL_LOGOFF => Self::CtrlLogoff,
            CTRL_SHUTDOWN => Self::CtrlShutdown,
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
            Self::CtrlBreak => CTRL_BREAK,
            Self::CtrlClose => CTRL_CLOSE,
            Self::CtrlLogoff => CTRL_LOGOFF,
            Self::CtrlShutdown => CTRL_SHUTDOWN,
            Self::Other(number) => number,
        }
    }

    /// The signals that stand for this one on this platform, by their names.
    pub(crate) fn on_this_platform(self) -> Vec<Self> {
        match Self::from_raw(self.as_raw()) {
            Self::Terminate => TERMINATE.to_vec(),
            signal => vec![signal],
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
            Self::CtrlBreak => f.write_str("CTRL_BREAK"),
            Self::CtrlClose => f.write_str("CTRL_CLOSE"),
            Self::CtrlLogoff => f.write_str("CTRL_LOGOFF"),
            Self::CtrlShutdown => f.write_str("CTRL_SHUTDOWN"),
            Self::Other(number) => write!(f, "signal {number}"),
        }
    }
}
