//! Unix: signal handlers, and the file descriptors that they write to.
//!
//! - `registry`: the handler of each signal and the listeners that it reaches.
//! - `wake_fd`: the eventfd or socket that the handler makes readable.
//! - `disposition`: what a signal does if nothing listens, and the signal mask.
//! - `hangup`: the handler that lets a shutdown outlive `SIGHUP`.
//! - `exit`: how a process ends at once.
//! - `kill`: signals for other processes.
//! - `lifelines`: standard input and the parent process.
//!
//! A handler reaches only this folder, `listener`, `clock`, and by way of `Target` the latch or the
//! pending signals: atomics, `getpid`, `clock_gettime`, `write`, `sigaction`, `raise`,
//! `pthread_sigmask`, `_exit`, and the calls of `util::os::terminal`, all async-signal-safe.
//! signal-hook's registry calls it beside the actions of other libraries and preserves `errno`.
#![allow(unsafe_code, reason = "system calls and signal handlers")]

mod disposition;
pub(crate) mod exit;
mod hangup;
mod kill;
mod lifelines;
mod registry;
mod wake_fd;

pub(crate) use disposition::{exists, is_allowed, unblock};
pub(crate) use hangup::outlive_hangup;
pub(crate) use kill::kill;
pub(crate) use lifelines::LifelineWatch;
pub(crate) use registry::{begin, register, release, unregister, wait_for_deliveries};
pub(crate) use wake_fd::WakeFd;

/// A handler must not wake tasks, so a backend does.
pub(crate) const HANDLER_WAKES_WAITERS: bool = false;

fn check(result: i32) -> std::io::Result<()> {
    if result == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
}
