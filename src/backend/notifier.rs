//! What a runtime has to do: watch one descriptor, once.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread::{self, Thread};
use std::{fmt, io};

use crate::error::Error;
use crate::handler::Line;
use crate::signal::Signal;

/// A runtime that can watch for a signal: what [`ShutdownSignal::listen`] takes.
///
/// The signal handler records the signal and makes one file descriptor readable, the [`Notifier`]. It
/// may not do more: waking a task is not allowed inside a handler. So a backend waits, on its
/// runtime's own reactor, until the notifier is readable, and then calls [`Notifier::notify`].
///
/// # Contract
///
/// * `watch` returns at once. It MUST NOT wait for the signal itself.
/// * Once the notifier is readable, `announce` SHOULD be called soon, from any thread.
/// * The descriptor MUST NOT be read from, written to or made blocking; it is shared, and stays
///   readable for ever once it has rung.
/// * Dropping the notifier hands the duty back: should the runtime end first, the task that holds the
///   notifier is dropped with it, and a plain thread takes over.
/// * What `watch` returns is dropped with the last clone of the signal. The notifier SHOULD be dropped
///   then. It rings at that moment too, so a task that only waits for it ends by itself.
/// * An error MUST say what to do. Nothing is left behind after one.
///
/// # Example
///
/// A backend for a runtime of somebody else's:
///
/// ```
/// # mod my_runtime {
/// #     use std::os::fd::OwnedFd;
/// #     pub async fn readable(fd: &OwnedFd) -> std::io::Result<()> {
/// #         let fd = async_io::Async::new_nonblocking(fd)?;
/// #         fd.readable().await
/// #     }
/// #     pub fn spawn(future: impl Future<Output = ()> + Send + 'static) {
/// #         std::thread::spawn(|| async_io::block_on(future));
/// #     }
/// # }
/// use std::os::fd::AsFd;
/// use signoff::{Backend, Notifier, Error, ShutdownSignal};
///
/// struct MyRuntime;
///
/// impl Backend for MyRuntime {
///     type Watch = ();
///
///     fn watch(self, notifier: Notifier) -> Result<(), Error> {
///         let fd = notifier.as_fd().try_clone_to_owned().map_err(Error::Descriptor)?;
///         my_runtime::spawn(async move {
///             let _ = my_runtime::readable(&fd).await;
///             notifier.notify();
///         });
///         Ok(())
///     }
/// }
///
/// let shutdown = ShutdownSignal::listen(MyRuntime)?;
/// # shutdown.request("done");
/// # async_io::block_on(shutdown);
/// # Ok::<(), Error>(())
/// ```
///
/// [`ShutdownSignal::listen`]: crate::ShutdownSignal::listen
pub trait Backend {
    /// Kept until the last clone of the signal is dropped.
    type Watch: Send + Sync + 'static;

    /// Begins to watch `notifier`.
    ///
    /// # Errors
    ///
    /// Where the runtime cannot watch; [`Error::Backend`] is there for reasons of its own.
    fn watch(self, notifier: Notifier) -> Result<Self::Watch, Error>;
}

/// The descriptor that a signal handler makes readable, and the duty to say so.
///
/// [`AsFd`] gives the descriptor. See [`Backend`] for what to do with it.
pub struct Notifier {
    line: Arc<Line>,
    duty: Arc<Duty>,
    signals: Vec<Signal>,
}

impl Notifier {
    pub(crate) fn new(line: Arc<Line>, duty: Arc<Duty>, signals: Vec<Signal>) -> Self {
        Self { line, duty, signals }
    }

    /// Wakes everybody who waits: the notifier is readable.
    ///
    /// It is no mistake to call this too early. Nobody is woken then, and a thread goes on
    /// watching, as it does when the notifier is dropped.
    pub fn notify(self) {
        drop(self);
    }

    pub(crate) fn line(&self) -> Arc<Line> {
        Arc::clone(&self.line)
    }

    /// The signals that are listened to, without those that were left ignored.
    #[must_use]
    pub fn signals(&self) -> &[Signal] {
        &self.signals
    }
}

impl AsFd for Notifier {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.line.notifier.read.as_fd()
    }
}

impl Drop for Notifier {
    fn drop(&mut self) {
        if !self.line.announce() {
            self.duty.hand_back(&self.line);
        }
    }
}

impl fmt::Debug for Notifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notifier").field("signals", &self.signals).finish_non_exhaustive()
    }
}

/// Who has to watch the notifier: the backend, until it hands that back; then a thread.
#[derive(Default)]
pub(crate) struct Duty(AtomicU8);

const PREPARED: u8 = 0;
const HANDED_BACK: u8 = 1;
const WATCHED: u8 = 2;
const OVER: u8 = 3;

impl Duty {
    /// `listen` succeeded: from here on somebody has to watch.
    pub(crate) fn begin(&self, line: &Arc<Line>) {
        if self.0.swap(WATCHED, Ordering::AcqRel) == HANDED_BACK {
            self.hand_back(line);
        }
    }

    /// The last clone is gone: nobody has to watch any more. False where there never was one.
    pub(crate) fn end(&self) -> bool {
        !matches!(self.0.swap(OVER, Ordering::AcqRel), PREPARED | HANDED_BACK)
    }

    fn hand_back(&self, line: &Arc<Line>) {
        match self.0.compare_exchange(WATCHED, OVER, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => {
                // Without a thread, only those who wait in a thread of their own are woken.
                let _ = spawn_watcher(line, |_| ());
            }
            Err(_) => {
                // Still in `listen`: it fails, or `begin` finds this.
                let _ = self.0.compare_exchange(
                    PREPARED,
                    HANDED_BACK,
                    Ordering::AcqRel,
                    Ordering::Acquire,
                );
            }
        }
    }
}

/// Starts a thread that sleeps until the notifier rings and then announces. It ends with the signal.
///
/// It leaves the notifier alone while `begin` waits, so that it is not woken for nothing.
pub(crate) fn spawn_watcher(
    line: &Arc<Line>,
    begin: impl FnOnce(&Line) + Send + 'static,
) -> io::Result<Thread> {
    let line = Arc::clone(line);
    let watch = move || {
        begin(&line);
        while !line.notifier.wait(None) {}
        line.announce();
    };
    let handle = thread::Builder::new().name("signoff".into()).spawn(watch)?;
    Ok(handle.thread().clone())
}
