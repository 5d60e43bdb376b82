//! The options of `listen`.

use crate::signal::Signal;

/// Which signals request a shutdown, and what a repeated signal does.
///
/// The default is [`Signal::Terminate`], [`Signal::Interrupt`] and [`ForcedExit::Interrupt`]. On Windows
/// these are all events of a console: Ctrl-C, Ctrl-Break, close, logoff and shutdown.
///
/// ```
/// use signoff::{ForcedExit, Signal, Signals};
///
/// let signals = Signals::default().with(Signal::Hangup).forced_exit(ForcedExit::Never);
/// # let _ = signals;
/// // signals.listen(Tokio)?
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "options do nothing until `listen` is called"]
pub struct Signals {
    pub(crate) set: Vec<Signal>,
    pub(crate) forced_exit: ForcedExit,
    pub(crate) keep_ignored_interrupt: bool,
    pub(crate) even_if_ignored: bool,
    pub(crate) restore_terminal: bool,
    pub(crate) lifelines: Lifelines,
}

/// The sources beside the signals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lifelines {
    pub(crate) stdin: bool,
    pub(crate) parent: bool,
}

impl Lifelines {
    pub(crate) const fn is_any(self) -> bool {
        self.stdin || self.parent
    }
}

/// Which repeated signals end the process immediately, from the signal handler.
///
/// A signal is repeated if it arrives at least 250 ms after the shutdown was requested, by a signal or by
/// the program: terminals and parent processes sometimes deliver one press twice. The process then ends
/// by that signal, as if the program did not handle it. Shells show 128 + the number of the signal: 130
/// for Ctrl-C. Process 1 of a container exits with that status. On Windows it is 0xC000013A. Nothing is
/// flushed, and no destructor and no hook runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ForcedExit {
    /// A repeated Ctrl-C. A `SIGINT` that another process sent counts only after a first `SIGINT`, so
    /// `SIGTERM` and then `SIGINT` from a platform lose no hook. Only Linux, Android and FreeBSD tell the
    /// two apart; elsewhere every `SIGINT` counts as typed. A repeated `SIGTERM` does nothing, because
    /// service managers send it again, and send `SIGKILL` to a process that does not exit.
    #[default]
    Interrupt,
    /// A repeated Ctrl-C, and any signal of the set after a first one.
    Any,
    /// None: only the program decides when it exits.
    Never,
}

impl Default for Signals {
    fn default() -> Self {
        Self::none().with(Signal::Terminate).with(Signal::Interrupt)
    }
}

impl Signals {
    /// Returns a set of these signals and no others.
    pub fn new(signals: impl IntoIterator<Item = Signal>) -> Self {
        signals.into_iter().fold(Self::none(), Self::with)
    }

    /// Returns an empty set.
    pub const fn none() -> Self {
        Self {
            set: Vec::new(),
            forced_exit: ForcedExit::Interrupt,
            keep_ignored_interrupt: false,
            even_if_ignored: false,
            restore_terminal: false,
            lifelines: Lifelines { stdin: false, parent: false },
        }
    }

    /// Adds a signal.
    ///
    /// If the process inherited the signal as ignored, it stays ignored, as `nohup` expects. This
    /// does not apply to `SIGTERM` and `SIGINT`, and not with
    /// [`even_if_ignored`](Self::even_if_ignored).
    pub fn with(mut self, signal: Signal) -> Self {
        for signal in signal.on_this_platform() {
            if !self.set.contains(&signal) {
                self.set.push(signal);
            }
        }
        self
    }

    /// Removes a signal.
    pub fn without(mut self, signal: Signal) -> Self {
        let removed = signal.on_this_platform();
        self.set.retain(|kept| !removed.contains(kept));
        self
    }

    /// Sets which repeated signals exit the process immediately.
    pub const fn forced_exit(mut self, forced_exit: ForcedExit) -> Self {
        self.forced_exit = forced_exit;
        self
    }

    /// Listens to the signals of the set even if the process inherited them as ignored.
    ///
    /// A daemon that reloads its configuration on `SIGHUP` wants this: it may have been started with
    /// `nohup`.
    pub const fn even_if_ignored(mut self) -> Self {
        self.even_if_ignored = true;
        self
    }

    /// Restores the terminal when the process ends, for a program that uses raw mode.
    ///
    /// The modes are those at `listen`, so listen before the program changes them. They are restored by a
    /// forced exit, at the end of [`exit_on`](crate::Hooks::exit_on) before its report, and by
    /// [`Signal::exit`]. The terminal then also shows the main screen and the cursor, and reports no
    /// events of mouse, focus and paste.
    ///
    /// Nothing happens if the modes are the same, if the terminal is not on standard input, and if the
    /// program is in the background, at `listen` or at its end. On Windows this has no effect.
    /// [The guide](crate::guide::terminal#raw-mode) has an example.
    pub const fn restore_terminal(mut self) -> Self {
        self.restore_terminal = true;
        self
    }

    /// Requests the shutdown also when standard input is closed, for a program that lives as long as its
    /// client: a language server, an MCP server, a plugin.
    ///
    /// A pipe, a socket and a terminal can be closed by the other side. A file and `/dev/null` never are.
    /// No byte is read. If input is left, the request waits until the program has read it. The set may
    /// have no signal then: `Signals::none().or_stdin_closed()`.
    ///
    /// [The guide](crate::guide::lifelines) has an example, and the limits on each platform.
    pub const fn or_stdin_closed(mut self) -> Self {
        self.lifelines.stdin = true;
        self
    }

    /// Requests the shutdown also when the parent process exits, so that no orphan is left.
    ///
    /// The parent is the process that is the parent at `listen`. The ids 0 and 1 are no parent, and the
    /// request never comes then: the parent is outside of the container, is its first process, or exited
    /// before `listen`. [`or_stdin_closed`](Self::or_stdin_closed) finds a parent that exited so early, if
    /// it had the other end of standard input.
    ///
    /// [The guide](crate::guide::lifelines) has an example, and the limits on each platform.
    pub const fn or_parent_exit(mut self) -> Self {
        self.lifelines.parent = true;
        self
    }

    /// Leaves `SIGINT` ignored if the process inherited it as ignored, as shells without job control
    /// arrange for `command &` in a script.
    ///
    /// By default the program listens to it even then. `kill -INT` reaches a background job, and
    /// Ctrl-C stops the job together with its script. A command that the program starts later then
    /// has the default action for `SIGINT`; with this option, it inherits the ignored `SIGINT`.
    ///
    /// On Windows an ignored Ctrl-C always stays ignored. `start /b` and `CREATE_NEW_PROCESS_GROUP`
    /// arrange that, and Ctrl-Break still arrives.
    pub const fn keep_ignored_interrupt(mut self) -> Self {
        self.keep_ignored_interrupt = true;
        self
    }
}
