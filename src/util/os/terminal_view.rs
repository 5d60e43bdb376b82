//! What a forced exit erases: the progress view on the terminal. Windows erases nothing.
#![allow(unsafe_code, reason = "a system call in a signal handler")]
#![allow(unused, reason = "`progress` shows the view, and a forced exit needs a backend")]

use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, Ordering};

const NONE: i32 = -1;

/// The terminal, while it shows the view. Never closed, because a handler may be about to use it.
static SHOWN: AtomicI32 = AtomicI32::new(NONE);

pub(crate) fn set_shown(is_shown: bool) {
    #[cfg(unix)]
    {
        /// A write to this descriptor never blocks, unlike one to standard error.
        const FLAGS: i32 = libc::O_WRONLY | libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_CLOEXEC;
        static TERMINAL: OnceLock<i32> = OnceLock::new();
        // SAFETY: the path is a string that ends with a zero. An error is -1, which is `NONE`.
        let terminal = || unsafe { libc::open(c"/dev/tty".as_ptr(), FLAGS) };
        let fd = if is_shown { *TERMINAL.get_or_init(terminal) } else { NONE };
        SHOWN.store(fd, Ordering::Relaxed); // no other data depends on it
    }
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
