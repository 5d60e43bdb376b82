//! The signal as a crossbeam channel, for threads that `select!`.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Wake, Waker};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::signal::ShutdownSignal;
use crate::util::sync::{Mutex, lock};

impl ShutdownSignal {
    /// Returns a channel that is disconnected when a shutdown is requested.
    ///
    /// It never yields a message, so `recv` returns an error exactly at the shutdown;
    /// [`reason`](Self::reason) returns why. It fits `select!` with other channels:
    ///
    /// ```
    /// # use signoff::ShutdownSignal;
    /// use crossbeam_channel::{select, unbounded};
    ///
    /// let shutdown = ShutdownSignal::manual();
    /// let (jobs, inbox) = unbounded();
    /// jobs.send("job")?;
    /// # shutdown.request("test");
    ///
    /// let stop = shutdown.channel();
    /// loop {
    ///     select! {
    ///         recv(inbox) -> job => println!("{job:?}"),
    ///         recv(stop) -> _ => break,
    ///     }
    /// }
    /// println!("stopped by {}", shutdown.wait());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// All receivers of a signal are one channel of crossbeam-channel 0.5. They work without the
    /// runtime: the first call starts a thread that waits for the signal, unless the backend has one.
    /// If the system refuses the thread, the backend wakes the receivers, which it cannot while its
    /// runtime is blocked.
    ///
    /// A receiver keeps the program listening until the shutdown, even when all clones of the signal
    /// are dropped. The receivers of a [`manual`](Self::manual) signal are disconnected with its last
    /// clone, because no request can come any more.
    #[must_use]
    pub fn channel(&self) -> Receiver<Infallible> {
        self.channel_or_init(|keep_listening| {
            let (sender, receiver) = bounded(0);
            let open = Arc::new(OpenChannel(Mutex::new(Some((sender, keep_listening)))));
            self.latch().register_detached(Waker::from(open));
            receiver
        })
    }
}

/// Disconnects the channel when the latch wakes it.
struct OpenChannel(Mutex<Option<Kept>>);

/// The only sender, and a clone that keeps the program listening.
type Kept = (Sender<Infallible>, Option<ShutdownSignal>);

impl Wake for OpenChannel {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let kept = lock(&self.0).take();
        drop(kept); // outside the lock: it may be the last clone
    }
}
