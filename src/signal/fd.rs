//! The signal as a file descriptor, for threads that wait for descriptors.

use std::fmt;
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use crate::error::Error;
use crate::signal::ShutdownSignal;
use crate::util::owner::Owner;

impl ShutdownSignal {
    /// Returns a file descriptor that becomes readable when a shutdown is requested, by a signal or
    /// by the program. Unix only.
    ///
    /// It is for threads that wait for descriptors, with `poll(2)`, mio or polling:
    ///
    /// ```
    /// # use std::net::TcpListener;
    /// # use signoff::ShutdownSignal;
    /// use rustix::event::{PollFd, PollFlags, poll};
    ///
    /// # let shutdown = ShutdownSignal::manual();
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// listener.set_nonblocking(true)?;
    /// let stop = shutdown.readable_fd()?;
    /// # shutdown.request("test");
    ///
    /// while !shutdown.is_requested() {
    ///     let listener_ready = PollFd::new(&listener, PollFlags::IN);
    ///     poll(&mut [listener_ready, PollFd::new(&stop, PollFlags::IN)], None)?;
    ///     if let Ok((client, _)) = listener.accept() {
    ///         println!("{client:?}");
    ///     }
    /// }
    /// println!("stopped by {}", shutdown.wait());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// It stays readable: a read returns the end of the stream. It works without the runtime: the
    /// first call starts a thread that waits for the signal, unless the backend has one. If the
    /// system refuses the thread, the backend makes the descriptor readable, which it cannot while its
    /// runtime is blocked.
    ///
    /// It keeps the program listening, as a clone of the signal does. Dropping it leaves nothing
    /// behind.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Descriptor`] if the process cannot open two descriptors.
    pub fn readable_fd(&self) -> Result<ShutdownFd, Error> {
        let (fd, other_end) = UnixStream::pair().map_err(Error::Descriptor)?;
        let owner = Owner::current();
        let waker = Waker::from(Arc::new(OtherEnd { stream: other_end, owner }));
        let mut signal = self.clone();
        // If it is requested already, the waker is dropped, and with it the other end.
        let _ = Pin::new(&mut signal).poll(&mut Context::from_waker(&waker));
        self.start_thread();
        Ok(ShutdownFd { fd, signal })
    }
}

/// A file descriptor that is readable once the shutdown is requested: see
/// [`ShutdownSignal::readable_fd`].
#[must_use = "dropping it closes the descriptor"]
pub struct ShutdownFd {
    fd: UnixStream,
    /// Has the waker.
    signal: ShutdownSignal,
}

impl AsFd for ShutdownFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for ShutdownFd {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

impl fmt::Debug for ShutdownFd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShutdownFd")
            .field("fd", &self.as_raw_fd())
            .field("signal", &self.signal)
            .finish()
    }
}

/// Ends the stream when the latch wakes it.
struct OtherEnd {
    stream: UnixStream,
    /// A forked child has a copy, and must not end the stream of its parent.
    owner: Owner,
}

impl Wake for OtherEnd {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.owner.is_current() {
            let _ = self.stream.shutdown(Shutdown::Both); // it may be ended already
        }
    }
}
