//! What a forced exit erases: the progress view on the terminal.
#![allow(unsafe_code, reason = "a system call in a signal handler")]

use std::fs::OpenOptions;
use std::os::fd::IntoRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, Ordering};

const NONE: i32 = -1;

/// The terminal, while it shows the view. Never closed, because a handler may be about to use it.
static SHOWN: AtomicI32 = AtomicI32::new(NONE);

pub(crate) fn set_shown(is_shown: bool) {
    static TERMINAL: OnceLock<i32> = OnceLock::new();
    let fd = if is_shown { *TERMINAL.get_or_init(terminal) } else { NONE };
    SHOWN.store(fd, Ordering::Relaxed); // the number stands for itself
}

/// A write to this descriptor never blocks, unlike one to standard error.
fn terminal() -> i32 {
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let terminal = OpenOptions::new().write(true).custom_flags(flags).open("/dev/tty");
    terminal.map_or(NONE, IntoRawFd::into_raw_fd)
}

pub(crate) fn is_shown() -> bool {
    SHOWN.load(Ordering::Relaxed) != NONE
}

/// Erases the view: it is below the cursor. Async-signal-safe.
#[cfg(feature = "__signal")]
pub(crate) fn erase() {
    const ERASE_BELOW: &[u8] = b"\x1b[J";
    let fd = SHOWN.load(Ordering::Relaxed);
    if fd != NONE {
        // SAFETY: the descriptor is never closed, and the pointer is to so many live bytes.
        unsafe { libc::write(fd, ERASE_BELOW.as_ptr().cast(), ERASE_BELOW.len()) };
    }
}
