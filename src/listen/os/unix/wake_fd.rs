//! The file descriptor that a signal handler makes readable.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::thread;
use std::time::{Duration, Instant};

use super::check;
use crate::listen::listener::Listener;

/// How long a thread sleeps if `poll` fails, or if the descriptor is readable without a reason.
const FALLBACK_POLL: Duration = Duration::from_millis(2);

/// The standard streams have the descriptors below this one.
const FIRST: libc::c_int = 3;

// Invariants
//
// F1  The descriptor is made readable after the condition that its readers wait for, and stays
//     so. If a reader finds it readable too early, it drains it and checks the condition again.
// F2  For a stream it is drained each time before the stream is woken. A stream that is woken looks
//     for signals after that, so it finds every one whose write was drained.

/// A descriptor that becomes readable: an eventfd, or a pair of sockets.
pub(crate) struct WakeFd {
    read: OwnedFd,
    /// `None` if both ends are one descriptor.
    write: Option<OwnedFd>,
}

impl WakeFd {
    /// Makes it readable. Async-signal-safe.
    pub(crate) fn wake(&self) {
        let write = self.write.as_ref().unwrap_or(&self.read);
        let one = 1_u64.to_ne_bytes();
        // SAFETY: the pointer is to eight live bytes. If the write fails, the descriptor is full
        // and therefore readable.
        unsafe { libc::write(write.as_raw_fd(), one.as_ptr().cast(), one.len()) };
    }

    /// Blocks the thread until `is_done`, or until the deadline. Returns true.
    pub(crate) fn wait(&self, is_done: impl Fn() -> bool, deadline: Option<Instant>) -> bool {
        while !is_done() && deadline.is_none_or(|deadline| Instant::now() < deadline) {
            match self.poll(deadline) {
                Readiness::Interrupted => {}
                Readiness::Readable if is_done() => {}
                Readiness::Readable => self.settle(&is_done, deadline),
                Readiness::Unknown => nap(deadline),
            }
        }
        true
    }

    /// It is readable without a reason: something else has written to it.
    fn settle(&self, is_done: impl Fn() -> bool, deadline: Option<Instant>) {
        self.drain();
        if is_done() {
            self.wake(); // F1: the reason came in between
        } else {
            nap(deadline);
        }
    }

    /// A socket may hold more, and is readable then.
    pub(crate) fn drain(&self) {
        let mut bytes = [0_u8; 64];
        // SAFETY: the pointer is to so many live bytes. The descriptor does not block.
        unsafe { libc::read(self.read.as_raw_fd(), bytes.as_mut_ptr().cast(), bytes.len()) };
    }

    /// Blocks the thread until it is readable, or may be. Returns true.
    pub(crate) fn wait_readable(&self) -> bool {
        match self.poll(None) {
            Readiness::Interrupted | Readiness::Readable => {}
            Readiness::Unknown => nap(None),
        }
        true
    }

    fn poll(&self, deadline: Option<Instant>) -> Readiness {
        let mut watched =
            libc::pollfd { fd: self.read.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: the pointer is to one live `pollfd`.
        match unsafe { libc::poll(&raw mut watched, 1, milliseconds_until(deadline)) } {
            0 => Readiness::Interrupted,
            1.. if watched.revents & libc::POLLIN != 0 => Readiness::Readable,
            -1 if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {
                Readiness::Interrupted
            }
            _ => Readiness::Unknown, // EINVAL if the limit of descriptors is 0
        }
    }
}

enum Readiness {
    Readable,
    /// By a signal, or by the timeout.
    Interrupted,
    Unknown,
}

fn nap(deadline: Option<Instant>) {
    let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
    thread::sleep(left.map_or(FALLBACK_POLL, |left| left.min(FALLBACK_POLL)));
}

/// Rounded up, so that the last millisecond is not spent in a loop; -1 is without a timeout.
fn milliseconds_until(deadline: Option<Instant>) -> i32 {
    let Some(deadline) = deadline else { return -1 };
    let left = deadline.saturating_duration_since(Instant::now());
    i32::try_from(left.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX)
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wake_fd.read.as_fd()
    }
}

impl AsRawFd for Listener {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
impl WakeFd {
    /// An eventfd: one descriptor, and the cheapest to write to.
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: no pointers.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        check(fd.min(0))?;
        // SAFETY: the system just made it, and nothing else knows it.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Self { read: above_standard_streams(fd)?, write: None })
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
impl WakeFd {
    /// Two sockets.
    pub(crate) fn new() -> io::Result<Self> {
        let (read, write) = std::os::unix::net::UnixStream::pair()?;
        read.set_nonblocking(true)?;
        write.set_nonblocking(true)?;
        let read = above_standard_streams(read.into())?;
        Ok(Self { read, write: Some(above_standard_streams(write.into())?) })
    }
}

/// If a program starts with a closed standard stream, a new descriptor takes its number. Text
/// that is printed would then be written to it.
fn above_standard_streams(fd: OwnedFd) -> io::Result<OwnedFd> {
    if fd.as_raw_fd() >= FIRST {
        return Ok(fd);
    }
    // SAFETY: no pointers, and the descriptor is open.
    let moved = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, FIRST) };
    check(moved.min(0))?;
    // SAFETY: the system just made it, and nothing else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(moved) })
}
