//! Standard input and the parent process on Unix.
//!
//! On Linux `poll` reports both at once: a descriptor of the parent becomes readable when it exits. Other
//! systems, and a kernel without `pidfd_open`, are asked once a second. The descriptor only wakes the
//! thread; whether the parent has exited is always the answer of `getppid`, which the kernel changes
//! first. So an id that is used again is no parent.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::thread;
use std::time::Duration;

use imp::{CLOSED_BY_PEER, open};

use crate::listen::listener::Listener;
use crate::signal::options::Lifelines;
use crate::signal::reason::Reason;

/// How often a system is asked that cannot report the end.
const ONCE_A_SECOND: Duration = Duration::from_secs(1);

/// How often the system is asked whether a closed input has been read. It is readable all the time.
const UNREAD: Duration = Duration::from_millis(50);

const IS_LINUX: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// The lifelines that a thread watches.
pub(crate) struct LifelineWatch {
    stdin: Stdin,
    parent: Option<Parent>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stdin {
    /// Not asked for, or not a descriptor that can be closed by another process.
    Unwatched,
    Open,
    /// Closed, with input that the program has not read yet.
    Unread,
}

struct Parent {
    id: libc::pid_t,
    /// Readable when the process exits.
    pidfd: Option<OwnedFd>,
}

impl LifelineWatch {
    /// Returns `None` if there is nothing to watch.
    #[allow(clippy::unnecessary_wraps, reason = "on Windows it can fail")]
    pub(crate) fn new(lifelines: Lifelines) -> io::Result<Option<Self>> {
        let stdin = if lifelines.stdin { Stdin::Open } else { Stdin::Unwatched };
        let parent = Some(parent_id()).filter(|&id| lifelines.parent && id > 1);
        let parent = parent.map(|id| Parent { id, pidfd: open(id) });
        let is_any = lifelines.stdin || parent.is_some();
        Ok(is_any.then_some(Self { stdin, parent }))
    }

    /// Returns which one has ended.
    pub(crate) fn ended(&mut self) -> Option<Reason> {
        if self.parent.as_ref().is_some_and(|parent| parent_id() != parent.id) {
            return Some(Reason::ParentExited);
        }
        self.is_stdin_closed().then_some(Reason::StdinClosed)
    }

    fn is_stdin_closed(&mut self) -> bool {
        if self.stdin == Stdin::Unwatched {
            return false;
        }
        let mut stdin = [pollfd(libc::STDIN_FILENO, CLOSED_BY_PEER)];
        poll(&mut stdin, Some(Duration::ZERO));
        self.stdin = match stdin[0].revents {
            0 => Stdin::Open,
            // The program has closed its descriptor, or the system cannot watch it.
            events if events & (libc::POLLHUP | CLOSED_BY_PEER) == 0 => Stdin::Unwatched,
            _ if has_unread_input() => Stdin::Unread,
            _ => return true,
        };
        false
    }

    /// Waits until one of them may have ended, or the listener is over.
    pub(crate) fn wait(&self, listener: &Listener) {
        let is_stdin_awaited = IS_LINUX && self.stdin == Stdin::Open;
        let stdin = if is_stdin_awaited { libc::STDIN_FILENO } else { NONE };
        let pidfd = self.parent.as_ref().and_then(|parent| parent.pidfd.as_ref());
        let timeout = match self.stdin {
            Stdin::Unread => Some(UNREAD),
            Stdin::Open if !IS_LINUX => Some(ONCE_A_SECOND),
            _ if self.parent.is_some() && pidfd.is_none() => Some(ONCE_A_SECOND),
            _ => None,
        };
        let mut watched = [
            pollfd(listener.as_raw_fd(), libc::POLLIN),
            pollfd(stdin, CLOSED_BY_PEER),
            pollfd(pidfd.map_or(NONE, AsRawFd::as_raw_fd), libc::POLLIN),
        ];
        let is_failed = poll(&mut watched, timeout) < 0; // EINVAL if the limit of descriptors is too low
        if (is_failed || watched[0].revents != 0) && !listener.is_over() {
            thread::sleep(UNREAD); // something else has written to the descriptor
        }
    }
}

/// `poll` ignores this descriptor.
const NONE: libc::c_int = -1;

fn pollfd(fd: libc::c_int, events: libc::c_short) -> libc::pollfd {
    libc::pollfd { fd, events, revents: 0 }
}

fn poll(watched: &mut [libc::pollfd], timeout: Option<Duration>) -> libc::c_int {
    let timeout = timeout.map_or(-1, |timeout| timeout.as_millis().try_into().unwrap_or(-1));
    let count = watched.len().try_into().unwrap_or(1);
    // SAFETY: the pointer is to at least so many live values.
    unsafe { libc::poll(watched.as_mut_ptr(), count, timeout) }
}

/// False if that is not known: a terminal that is closed returns an error.
fn has_unread_input() -> bool {
    let mut bytes: libc::c_int = 0;
    // SAFETY: the pointer is to a live integer.
    unsafe { libc::ioctl(libc::STDIN_FILENO, libc::FIONREAD, &raw mut bytes) == 0 && bytes > 0 }
}

fn parent_id() -> libc::pid_t {
    // SAFETY: no arguments.
    unsafe { libc::getppid() }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod imp {
    use std::os::fd::{FromRawFd, OwnedFd};

    pub(super) const CLOSED_BY_PEER: libc::c_short = libc::POLLRDHUP;

    /// Returns `None` if the kernel is too old, or if it refuses.
    pub(super) fn open(process: libc::pid_t) -> Option<OwnedFd> {
        // SAFETY: plain numbers.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, process, 0) };
        let fd = fd.try_into().ok().filter(|&fd| fd >= 0)?;
        // SAFETY: the system just made it, and nothing else knows it.
        Some(unsafe { OwnedFd::from_raw_fd(fd) })
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod imp {
    /// `POLLHUP` is always reported. To watch for it without an end would keep a thread busy on systems
    /// that report it early.
    pub(super) const CLOSED_BY_PEER: libc::c_short = 0;

    pub(super) fn open(_: libc::pid_t) -> Option<std::os::fd::OwnedFd> {
        None
    }
}
