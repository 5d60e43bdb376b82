//! Standard error and the terminal on Unix.
#![allow(unsafe_code, reason = "system calls")]

pub(crate) mod monotonic;
pub(crate) mod stderr;
pub(crate) mod terminal;

use std::{mem, ptr};

/// Runs `f` while the thread blocks SIGTTOU. Async-signal-safe if `f` is.
///
/// A background job that writes to its terminal is stopped by that signal, if the terminal says so
/// (`stty tostop`). A process that shuts down would then never exit. The system sends no signal that is
/// blocked here, so none is pending afterwards.
fn without_ttou<T>(f: impl FnOnce() -> T) -> T {
    // SAFETY: an all-zero `sigset_t` is a valid value, and the pointers are to live ones.
    unsafe {
        let (mut ttou, mut before): (libc::sigset_t, libc::sigset_t) = mem::zeroed();
        libc::sigemptyset(&raw mut ttou);
        libc::sigaddset(&raw mut ttou, libc::SIGTTOU);
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const ttou, &raw mut before);
        let result = f();
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, ptr::null_mut());
        result
    }
}
