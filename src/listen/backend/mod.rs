//! The runtimes that can wait for a signal, and the trait that they implement.

// Inside: `notifier` is what a backend gets. `reactor_task` wakes the waiters on the thread of a
// runtime's reactor. `fallback` is the thread that takes over if the runtime ends. On Windows no
// runtime has to wait, and `windows` has all backends.

mod fallback;
mod notifier;
mod reactor_task;

#[cfg(all(unix, feature = "async-std"))]
pub(crate) mod async_std;
#[cfg(feature = "blocking")]
pub(crate) mod blocking;
#[cfg(all(unix, feature = "smol"))]
pub(crate) mod smol;
#[cfg(all(unix, feature = "tokio"))]
pub(crate) mod tokio;
#[cfg(windows)]
mod windows;

pub(crate) use fallback::Fallback;
pub use notifier::Notifier;
#[cfg(windows)]
pub(crate) use windows::*;

use crate::error::Error;

/// A runtime that can wait for a signal: the argument of [`ShutdownSignal::listen`] and
/// [`Signals::stream`](crate::Signals::stream).
///
/// The signal handler records the signal and makes one file descriptor readable, that of the
/// [`Notifier`]. It must not do more: a handler must not wake tasks. So a backend waits on its
/// runtime's reactor until the descriptor is readable, and then calls [`Notifier::notify`].
///
/// # Contract
///
/// * `watch` returns at once. It MUST NOT wait for the signal itself.
/// * When the descriptor is readable, the backend SHOULD call `notify` soon, from any thread. After
///   `Continue` it MUST wait for the descriptor again. After `Break` it SHOULD drop the notifier.
/// * The backend MUST NOT read from the descriptor, write to it or make it blocking. It is shared.
///   It stays readable after `Break`. For a stream, `notify` has read from it before `Continue`.
/// * If the runtime ends first, the task that holds the notifier is dropped, and the notifier with
///   it. A plain thread then waits for the signal instead.
/// * What `watch` returns is dropped with the last clone of the signal. The backend SHOULD drop the
///   notifier then. The descriptor becomes readable at that moment, so a task that waits for it ends.
/// * An error MUST say what to do. A failed `watch` leaves nothing behind.
///
/// On Windows the handler runs on a thread of its own and wakes every waiter itself. There is no
/// descriptor, and a backend returns the notifier as its `Watch`.
///
/// # Example
///
/// A backend for another runtime:
///
/// ```ignore-windows
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
/// use signoff::{Backend, Error, Notifier, ShutdownSignal};
///
/// struct MyRuntime;
///
/// impl Backend for MyRuntime {
///     type Watch = ();
///
///     fn watch(self, notifier: Notifier) -> Result<(), Error> {
///         let fd = notifier.as_fd().try_clone_to_owned().map_err(Error::Descriptor)?;
///         my_runtime::spawn(async move {
///             while my_runtime::readable(&fd).await.is_ok() && notifier.notify().is_continue() {}
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

    /// Starts to wait for the descriptor of `notifier`.
    ///
    /// # Errors
    ///
    /// Returns an [`Error`] if the runtime cannot wait; [`Error::Backend`] is for other causes.
    fn watch(self, notifier: Notifier) -> Result<Self::Watch, Error>;
}
