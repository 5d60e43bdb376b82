//! Standard error without the lock of std.

use std::io::{self, Write};
use std::time::Duration;

use super::without_ttou;

/// Standard error. A write that blocks holds no lock, so the program can still lock its own, and a
/// background job is not stopped by it.
#[derive(Debug)]
pub(crate) struct RawStderr;

impl Write for RawStderr {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        without_ttou(|| {
            // SAFETY: the pointer is to so many live bytes.
            let written =
                unsafe { libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), text.len()) };
            usize::try_from(written).map_err(|_| io::Error::last_os_error())
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Waits until a short write does not block. Returns false at the timeout.
pub(crate) fn wait_until_writable(timeout: Duration) -> bool {
    let timeout = timeout.as_micros().div_ceil(1_000);
    let timeout = timeout.try_into().unwrap_or(libc::c_int::MAX);
    let mut fd = libc::pollfd { fd: libc::STDERR_FILENO, events: libc::POLLOUT, revents: 0 };
    // SAFETY: the pointer is to one live `pollfd`.
    unsafe { libc::poll(&raw mut fd, 1, timeout) == 1 }
}
