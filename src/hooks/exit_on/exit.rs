//! How the process exits after its hooks.

use crate::listen::os::exit;
use crate::signal::Signal;
use crate::signal::reason::Reason;

/// The exit status of a process whose shutdown was handled by [`exit_on`](crate::Hooks::exit_on).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Exit {
    /// Status 0 if the report is clean, else 1. This is what service managers expect of a service
    /// that was asked to stop.
    #[default]
    Status,
    /// By the signal that requested the shutdown, as if the program did not handle it. This is what
    /// shells expect of a command that was interrupted, so that a script around it stops, too.
    ///
    /// If that is not possible, the status is 128 + the number of the signal, which is also what
    /// shells show: for process 1 of a container, and for signals that do not end a process. On
    /// Windows, the status is 0xC000013A, as of a process that Ctrl-C has ended. After a
    /// [`request`](crate::ShutdownSignal::request), this is the same as `Status`.
    Signal,
    /// This status, regardless of the report.
    Code(u8),
}

impl Exit {
    pub(super) fn end(self, reason: Option<&Reason>, status: u8) -> End {
        match (self, reason) {
            (Self::Signal, Some(Reason::Signal { signal, .. })) => End::Signal(*signal),
            (Self::Code(code), _) => End::Status(code),
            _ => End::Status(status),
        }
    }
}

/// The way in which the process exits in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Status(u8),
    Signal(Signal),
}

impl End {
    /// Of several ends, the highest one counts: a signal, or else the highest status.
    pub(super) fn rank(self) -> u16 {
        if let Self::Status(status) = self { status.into() } else { u16::MAX }
    }

    /// Exits. No destructor runs, and no `atexit` function of a C library: those may block, or
    /// fail while other threads continue.
    pub(super) fn now(self) -> ! {
        match self {
            Self::Status(status) => exit::with_status(status.into()),
            Self::Signal(signal) => exit::by_signal(signal),
        }
    }
}
