//! What a forced exit erases: the progress view on the terminal. Windows erases nothing.
#![allow(unsafe_code, reason = "a system call in a signal handler")]
#![allow(dead_code, reason = "`progress` shows the view, and a forced exit needs a backend")]

use std::sync::atomic::{AtomicI32, Ordering};

const NONE: i32 = -1;

/// The terminal, while it shows the view. Never closed, because a handler may be about to use it.
static SHOWN: AtomicI32 = AtomicI32::new(NONE);

pub(crate) fn set_shown(is_shown: bool) {
    SHOWN.store(if is_shown { terminal() } else { NONE }, Ordering::Relaxed); // no other data depends on it
}

/// A write to this descriptor never blocks, unlike one to standard error.
fn terminal() -> i32 {
    #[cfg(unix)]
    {
        use std::os::{fd::IntoRawFd, unix::fs::OpenOptionsExt};
        static TERMINAL: std::sync::OnceLock<i32> = std::sync::OnceLock::new();
        *TERMINAL.get_or_init(|| {
            let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
            let mut options = std::fs::OpenOptions::new();
            let terminal = options.write(true).custom_flags(flags).open("/dev/tty");
            terminal.map_or(NONE, IntoRawFd::into_raw_fd)
        })
    }
    #[cfg(not(unix))]
    NONE
}

pub(crate) fn is_shown() -> bool {
    SHOWN.load(Ordering::Relaxed) != NONE
}

/// Erases the view: it is below the cursor. Async-signal-safe.
pub(crate) fn erase() {
    #[cfg(unix)]
    if let fd @ 0.. = SHOWN.load(Ordering::Relaxed) {
        const ERASE_BELOW: &[u8] = b"\x1b[J";
        // SAFETY: the descriptor is never closed, and the pointer is to so many live bytes.
        unsafe { libc::write(fd, ERASE_BELOW.as_ptr().cast(), ERASE_BELOW.len()) };
    }
}
