//! The choices that `listen` can be given.

use crate::signal::Signal;

/// Which signals ask for a shutdown, and what happens when they come again.
///
/// The default is `SIGTERM` and `SIGINT`, and [`ForcedExit::Interrupt`].
///
/// ```
/// use signoff::{ForcedExit, Signal, Signals};
///
/// let signals = Signals::default().with(Signal::Hangup).forced_exit(ForcedExit::Never);
/// # let _ = signals;
/// // signals.listen(Tokio)?
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "choices do nothing until `listen` is called"]
pub struct Signals {
    pub(crate) set: Vec<Signal>,
    pub(crate) forced_exit: ForcedExit,
    pub(crate) keep_ignored_interrupt: bool,
}

/// Which repeated signals end the process at once, from inside the signal handler.
///
/// The exit status is 128 + the number of the signal: 130 for Ctrl-C. Nothing is flushed and no
/// destructor runs; it is for the user who does not want to wait any longer. A signal counts as
/// repeated when another one came before it, and at least 250 ms before it: terminals and parent
/// processes sometimes deliver one press twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ForcedExit {
    /// A repeated `SIGINT` does: Ctrl-C gets out. A repeated `SIGTERM` does nothing, because
    /// service managers send it again, and they have `SIGKILL` for what does not end.
    #[default]
    Interrupt,
    /// Any signal of the set does.
    Any,
    /// None does: only the program itself decides when it ends.
    Never,
}

impl Default for Signals {
    fn default() -> Self {
        Self::none().with(Signal::Terminate).with(Signal::Interrupt)
    }
}

impl Signals {
    /// An empty set, to begin with.
    pub const fn none() -> Self {
        Self { set: Vec::new(), forced_exit: ForcedExit::Interrupt, keep_ignored_interrupt: false }
    }

    /// Adds a signal.
    ///
    /// A `SIGHUP`, or any other signal except `SIGTERM` and `SIGINT`, that the process inherited
    /// as ignored stays ignored: that is how `nohup` works.
    pub fn with(mut self, signal: Signal) -> Self {
        // One spelling for each signal: `Other(15)` is `Terminate`.
        let signal = Signal::from_raw(signal.as_raw());
        if !self.set.contains(&signal) {
            self.set.push(signal);
        }
        self
    }

    /// Takes a signal out.
    pub fn without(mut self, signal: Signal) -> Self {
        self.set.retain(|kept| kept.as_raw() != signal.as_raw());
        self
    }

    /// Chooses which repeated signals end the process at once.
    pub const fn forced_exit(mut self, forced_exit: ForcedExit) -> Self {
        self.forced_exit = forced_exit;
        self
    }

    /// Leaves `SIGINT` alone where the process inherited it as ignored, as shells without job
    /// control have it for `command &` in a script.
    ///
    /// By default the program listens to it all the same: `kill -INT` works on a job in the
    /// background of a script, and Ctrl-C in front of that script stops the job together with it.
    pub const fn keep_ignored_interrupt(mut self) -> Self {
        self.keep_ignored_interrupt = true;
        self
    }
}
