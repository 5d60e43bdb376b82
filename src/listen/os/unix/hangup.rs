//! `SIGHUP` during a shutdown, which must not end the process between two hooks.
//!
//! A terminal that is closed, or a logout, sends it after the signal that requested the shutdown. If its
//! action is the default, a handler that does nothing is installed when the shutdown begins, and removed
//! when it is over. An ignored `SIGHUP` would be inherited by the commands of hooks; a handler is not.

use std::sync::atomic::{AtomicBool, Ordering};
use std::{mem, ptr};

use super::{disposition, registry};

/// A shutdown is under way. Relaxed: no other data depends on it.
static IS_OUTLIVED: AtomicBool = AtomicBool::new(false);

/// A shutdown begins. Async-signal-safe.
pub(crate) fn outlive_hangup() {
    if !IS_OUTLIVED.swap(true, Ordering::Relaxed) {
        exchange(libc::SIG_DFL, handler());
    }
}

/// No shutdown is under way any more.
pub(super) fn end() {
    IS_OUTLIVED.store(false, Ordering::Relaxed);
    remove_handler();
}

/// The next handler of `SIGHUP` is not to call this one.
pub(super) fn remove_handler() {
    exchange(handler(), libc::SIG_DFL);
}

pub(super) fn is_outlived() -> bool {
    IS_OUTLIVED.load(Ordering::Relaxed)
}

fn handler() -> libc::sighandler_t {
    let handler: extern "C" fn(libc::c_int) = on_hangup;
    handler as libc::sighandler_t
}

extern "C" fn on_hangup(signal: libc::c_int) {
    if !registry::is_owner() {
        disposition::default_action_after_handler(signal);
    }
}

/// Replaces the handler `from` by `to`, if it is still that one. Async-signal-safe.
fn exchange(from: libc::sighandler_t, to: libc::sighandler_t) {
    // SAFETY: zeroes are a valid `sigaction`, the pointers are to live ones, and `on_hangup` only does
    // what is async-signal-safe.
    unsafe {
        let mut current: libc::sigaction = mem::zeroed();
        libc::sigaction(libc::SIGHUP, ptr::null(), &raw mut current);
        if current.sa_sigaction != from {
            return;
        }
        let mut new: libc::sigaction = mem::zeroed();
        (new.sa_sigaction, new.sa_flags) = (to, libc::SA_RESTART);
        libc::sigaction(libc::SIGHUP, &raw const new, &raw mut current);
        if current.sa_sigaction != from {
            // Another thread has installed one in between.
            libc::sigaction(libc::SIGHUP, &raw const current, ptr::null_mut());
        }
    }
}
