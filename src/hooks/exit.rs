//! How a process ends after its hooks.

use std::process;

use super::builder::Hooks;
use super::report::Report;
use crate::os;
use crate::reason::Reason;

/// How [`exit_on`](Hooks::exit_on) ends the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Exit {
    /// With status 0 where the report is clean, and 1 where it is not. What service managers
    /// expect of a service that was asked to stop.
    #[default]
    Status,
    /// By the signal that asked, as if nobody had listened to it: what shells expect of a command
    /// that was interrupted, so that a script around it stops as well.
    ///
    /// Where that is not possible the status is 128 + the number of the signal, which shells show
    /// for it too: as process 1 of a container, and for signals that end no process. After a
    /// [`request`](crate::ShutdownSignal::request) there is no signal, and this is `Status`.
    Signal,
    /// With this status, whatever the report says.
    Code(u8),
}

/// What `exit_on` was told about the end.
#[derive(Default)]
pub(super) struct Ending {
    pub(super) exit: Exit,
    pub(super) on_report: Option<OnReport>,
}

pub(super) type OnReport = Box<dyn FnOnce(Report) + Send>;

impl Hooks {
    /// Chooses how [`exit_on`](Self::exit_on) ends the process.
    pub fn exit(mut self, exit: Exit) -> Self {
        self.ending.exit = exit;
        self
    }

    /// Hands the report over before [`exit_on`](Self::exit_on) ends the process. By default nobody
    /// gets it, and nothing is printed.
    ///
    /// What is left of the budget is for `f`, and 5 ms at least; half a second where the budget has
    /// no limit. Then the process ends, whether `f` has returned or not.
    pub fn on_report(mut self, f: impl FnOnce(Report) + Send + 'static) -> Self {
        self.ending.on_report = Some(Box::new(f));
        self
    }
}

impl Exit {
    /// Ends the process. No destructor runs, and no `atexit` function of a C library: those may
    /// hang, or fail while other threads go on.
    pub(super) fn now(self, status: u8, reason: Option<&Reason>) -> ! {
        match (self, reason) {
            (Self::Signal, Some(Reason::Signal { signal, .. })) => {
                if process::id() != 1 {
                    os::exit::by_signal(*signal);
                }
                os::exit::with_status(os::exit::status_of(*signal))
            }
            (Self::Code(code), _) => os::exit::with_status(code.into()),
            _ => os::exit::with_status(status.into()),
        }
    }
}
