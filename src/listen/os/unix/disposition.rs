//! What a signal does if nothing listens to it, and the signal mask.

use std::{io, mem, process, ptr};

use super::check;
use crate::signal::Signal;

/// What a signal did before the first listener.
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

/// Lets `signal` end the process as if it had no handler. Async-signal-safe.
///
/// A thread inside the handler blocks the signal, so the handler returns first. Returns if the signal
/// does not end the process, and for process 1: the kernel protects it.
pub(super) fn end_by_default(signal: i32) {
    if process::id() == 1 || IGNORED_BY_DEFAULT.contains(&signal) {
        return;
    }
    // SAFETY: zeroes are a valid `sigaction` with the default handler, and the pointer is to it.
    let reset = unsafe {
        let mut default: libc::sigaction = mem::zeroed();
        default.sa_sigaction = libc::SIG_DFL;
        libc::sigaction(signal, &raw const default, ptr::null_mut())
    };
    if reset == 0 {
        // To the process, because this thread may block the signal.
        // SAFETY: plain numbers.
        unsafe { libc::kill(libc::getpid(), signal) };
    }
}

/// Signals that a program may listen to and that do nothing by default.
#[cfg(any(target_os = "linux", target_os = "android"))]
const IGNORED_BY_DEFAULT: &[i32] = &[];
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const IGNORED_BY_DEFAULT: &[i32] = &[libc::SIGIO, 29]; // 29 is SIGINFO on every BSD

/// Returns whether the platform has this signal.
pub(crate) fn exists(signal: Signal) -> bool {
    match signal {
        // POSIX has these.
        Signal::Terminate | Signal::Interrupt | Signal::Hangup | Signal::Quit => true,
        _ => Disposition::current(signal.as_raw()).is_ok(),
    }
}

/// Returns whether a program can take this signal as a request.
pub(crate) fn is_allowed(signal: Signal) -> bool {
    !NOT_ALLOWED.contains(&signal.as_raw())
}

const NOT_ALLOWED: &[i32] = &[
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
    // part of normal operation: a closed pipe, an ended child, a resized window, a suspended job
    libc::SIGPIPE,
    libc::SIGCHLD,
    libc::SIGCONT,
    libc::SIGURG,
    libc::SIGWINCH,
    libc::SIGTSTP,
    libc::SIGTTIN,
    libc::SIGTTOU,
];

/// Unblocks the signals on this thread, so that they reach the process.
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
