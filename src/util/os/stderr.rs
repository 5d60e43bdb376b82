//! Standard error without the lock of std, and the terminal that it may be.
#![allow(unsafe_code, reason = "system calls")]

use std::io::{self, Write};
use std::time::Duration;

/// Standard error. A write that blocks holds no lock, so the program can still lock its own.
///
/// A background job that writes to its terminal is stopped by SIGTTOU, if the terminal says so
/// (`stty tostop`). A process that shuts down would then never exit, so these writes are exempt.
#[derive(Debug)]
pub(crate) struct RawStderr;

impl Write for RawStderr {
    #[cfg(unix)]
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        // SAFETY: an all-zero `sigset_t` is a valid value, and the pointers are to live ones. No
        // signal can be pending afterwards: the system does not send one that is blocked here.
        unsafe {
            let (mut ttou, mut before): (libc::sigset_t, libc::sigset_t) = std::mem::zeroed();
            libc::sigemptyset(&raw mut ttou);
            libc::sigaddset(&raw mut ttou, libc::SIGTTOU);
            libc::pthread_sigmask(libc::SIG_BLOCK, &raw const ttou, &raw mut before);
            let written = libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), text.len());
            let written = usize::try_from(written).map_err(|_| io::Error::last_os_error());
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, std::ptr::null_mut());
            written
        }
    }

    /// Only std's own writes Unicode to a console.
    #[cfg(not(unix))]
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        io::stderr().write(text)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Waits until a short write does not block. Returns false at the timeout.
pub(crate) fn wait_until_writable(timeout: Duration) -> bool {
    #[cfg(unix)]
    {
        let timeout = timeout.as_micros().div_ceil(1_000);
        let timeout = timeout.try_into().unwrap_or(libc::c_int::MAX);
        let mut fd = libc::pollfd { fd: libc::STDERR_FILENO, events: libc::POLLOUT, revents: 0 };
        // SAFETY: the pointer is to one live `pollfd`.
        unsafe { libc::poll(&raw mut fd, 1, timeout) == 1 }
    }
    #[cfg(not(unix))]
    {
        let _ = timeout;
        false // there is no such call
    }
}
