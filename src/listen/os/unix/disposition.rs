//! The default actions of signals, their dispositions, and the signal mask.

use std::{io, mem, process, ptr};

use super::check;
use crate::signal::Signal;

/// The disposition of a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Disposition {
    /// No listener has asked yet.
    Unknown,
    Default,
    Ignored,
    /// Another handler was there.
    Handled,
}

impl Disposition {
    pub(super) fn from_u8(value: u8) -> Self {
        [Self::Unknown, Self::Default, Self::Ignored, Self::Handled]
            .into_iter()
            .find(|&known| known as u8 == value)
            .unwrap_or(Self::Unknown)
    }

    /// The disposition of `signal` at the moment.
    pub(super) fn current(signal: i32) -> io::Result<Self> {
        // SAFETY: zeroes are a valid `sigaction`, and the pointer is to a live one.
        let current = unsafe {
            let mut current: libc::sigaction = mem::zeroed();
            check(libc::sigaction(signal, ptr::null(), &raw mut current))?;
            current.sa_sigaction
        };
        Ok(match current {
            libc::SIG_DFL => Self::Default,
            libc::SIG_IGN => Self::Ignored,
            _ => Self::Handled,
        })
    }
}

/// Does what `signal` does without a handler, on this thread, inside a handler or outside of it.
/// Async-signal-safe.
///
/// Returns if that does not end the process: the signal is ignored by default, it has stopped the
/// process and that continues, or this is process 1, which the kernel protects.
pub(super) fn run_default_action(signal: i32) {
    let handler = reset(signal);
    // Raised before it is unblocked: inside a handler it is blocked, and waits. So it is delivered
    // here, while its action is the default.
    // SAFETY: a plain number.
    unsafe { libc::raise(signal) };
    unblock([Signal::from_raw(signal)]);
    if let Some(handler) = handler {
        // SAFETY: the pointer is to a live `sigaction`.
        unsafe { libc::sigaction(signal, &raw const handler, ptr::null_mut()) };
    }
}

/// Does the same when the handler has returned. Async-signal-safe.
///
/// A child of `vfork` shares the memory of this process. If it ended inside the handler, it would leave
/// the locks of signal-hook's registry taken.
pub(super) fn default_action_after_handler(signal: i32) {
    if stops_by_default(signal) {
        run_default_action(signal); // not afterwards: there must be a handler for the next one
    } else if process::id() != 1 && !IGNORED_BY_DEFAULT.contains(&signal) {
        reset(signal);
        // To the process, because this thread blocks the signal.
        // SAFETY: plain numbers.
        unsafe { libc::kill(libc::getpid(), signal) };
    }
}

/// Whether the default action of `signal` stops the process.
pub(super) fn stops_by_default(signal: i32) -> bool {
    matches!(signal, libc::SIGSTOP | libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU)
}

/// Removes the handler of `signal`, and returns it. Returns `None` if the signal cannot have one.
fn reset(signal: i32) -> Option<libc::sigaction> {
    // SAFETY: zeroes are a valid `sigaction` with the default handler, and the pointers are to live ones.
    unsafe {
        let mut default: libc::sigaction = mem::zeroed();
        default.sa_sigaction = libc::SIG_DFL;
        let mut handler: libc::sigaction = mem::zeroed();
        let result = libc::sigaction(signal, &raw const default, &raw mut handler);
        (result == 0).then_some(handler)
    }
}

/// Signals that a program may listen to and that do nothing by default.
const IGNORED_BY_DEFAULT: &[i32] = if cfg!(any(target_os = "linux", target_os = "android")) {
    &[libc::SIGCHLD, libc::SIGCONT, libc::SIGURG, libc::SIGWINCH]
} else {
    const SIGINFO: i32 = 29; // on every BSD
    &[libc::SIGCHLD, libc::SIGCONT, libc::SIGURG, libc::SIGWINCH, libc::SIGIO, SIGINFO]
};

/// Returns whether the platform has this signal.
pub(crate) fn exists(signal: Signal) -> bool {
    match signal {
        // POSIX has these.
        Signal::Terminate | Signal::Interrupt | Signal::Hangup | Signal::Quit => true,
        _ => Disposition::current(signal.as_raw()).is_ok(),
    }
}

/// Returns whether a program can take this signal as an event of a stream, or as a request.
pub(crate) fn is_allowed(signal: Signal, for_stream: bool) -> bool {
    let signal = signal.as_raw();
    !NEVER_ALLOWED.contains(&signal) && (for_stream || !NORMAL_OPERATION.contains(&signal))
}

const NEVER_ALLOWED: &[i32] = &[
    // cannot be caught
    libc::SIGKILL,
    libc::SIGSTOP,
    // a fault of the program itself
    libc::SIGILL,
    libc::SIGFPE,
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGTRAP,
    libc::SIGSYS,
    libc::SIGABRT,
];

/// A closed pipe, an ended child, a resized window, a suspended job.
const NORMAL_OPERATION: &[i32] = &[
    libc::SIGPIPE,
    libc::SIGCHLD,
    libc::SIGCONT,
    libc::SIGURG,
    libc::SIGWINCH,
    libc::SIGTSTP,
    libc::SIGTTIN,
    libc::SIGTTOU,
];

/// Unblocks the signals on this thread, so that they reach the process. Async-signal-safe.
pub(crate) fn unblock(signals: impl IntoIterator<Item = Signal>) {
    // SAFETY: zeroes are a valid `sigset_t`, and the pointers are to a live one.
    unsafe {
        let mut set: libc::sigset_t = mem::zeroed();
        libc::sigemptyset(&raw mut set);
        for signal in signals {
            libc::sigaddset(&raw mut set, signal.as_raw());
        }
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const set, ptr::null_mut());
    }
}
