//! The signal as a crossbeam channel, for threads that `select!`.

use std::mem;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Wake, Waker};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::reason::Reason;
use crate::shutdown_signal::{Shared, ShutdownSignal};

// Invariants
//
// C1  The list of senders is emptied under its lock after the latch was set, and `add` asks for
//     that under the same lock. So a sender is either in the list when it is emptied, or finds the
//     latch set and sends by itself.

/// As many receivers get a channel of their own. A loop that makes one each time round must not
/// grow without end, and a sender cannot know whether its receiver is still there.
const LIMIT: usize = 256;

impl ShutdownSignal {
    /// A channel that yields the [`Reason`] once, and then is disconnected.
    ///
    /// Each receiver yields it, also one made later; for `select!` with other channels:
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
    ///         recv(stop) -> reason => {
    ///             println!("stopped by {}", reason?);
    ///             break;
    ///         }
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// A receiver keeps the program listening until the shutdown comes, even when all clones of
    /// the signal are gone. The receivers of a [`manual`](Self::manual) signal are disconnected
    /// with its last clone, since nobody can ask any more.
    ///
    /// Make one for each thread, outside of its loop. While nobody has asked for the shutdown, the
    /// first 256 receivers of a signal cost an allocation each that is not freed before; those
    /// after them share one channel, which yields the reason 256 times in all before it is
    /// disconnected.
    #[must_use]
    pub fn channel(&self) -> Receiver<Reason> {
        let fan = Arc::clone(self.shared.fan.get_or_init(|| Fan::new(self)));
        // Nothing else is ever kept there.
        fan.downcast().unwrap_or_else(|_| Fan::new(self)).add()
    }
}

/// Woken by the latch, sends the reason to all.
struct Fan {
    shared: Weak<Shared>,
    open: Mutex<Open>,
}

/// What waits for the shutdown, and is gone after it.
#[derive(Default)]
struct Open {
    senders: Vec<Sender<Reason>>,
    /// The channel that receivers beyond the limit share.
    shared: Option<(Sender<Reason>, Receiver<Reason>)>,
    /// Keeps the program listening.
    _signal: Option<ShutdownSignal>,
}

impl Fan {
    fn new(signal: &ShutdownSignal) -> Arc<Self> {
        let shared = &signal.shared;
        let kept = shared.source.get().map(|_| signal.clone());
        let open = Open { _signal: kept, ..Open::default() };
        let fan = Arc::new(Self { shared: Arc::downgrade(shared), open: Mutex::new(open) });
        shared.latch.keep(Waker::from(Arc::clone(&fan)));
        Arc::clone(&fan).wake(); // a latch that was set by then keeps nobody
        fan
    }

    fn reason(&self) -> Option<Reason> {
        self.shared.upgrade()?.latch.reason()
    }

    fn add(&self) -> Receiver<Reason> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let reason = self.reason();
        if reason.is_none() && open.senders.len() >= LIMIT {
            return open.shared.get_or_insert_with(|| bounded(LIMIT)).1.clone();
        }
        let (sender, receiver) = bounded(1);
        match reason {
            Some(reason) => send(&sender, &reason),
            None => open.senders.push(sender), // C1
        }
        receiver
    }
}

impl Wake for Fan {
    fn wake(self: Arc<Self>) {
        let Some(reason) = self.reason() else { return };
        // The signal that it keeps may be the last one: it goes after the lock.
        let open = mem::take(&mut *self.open.lock().unwrap_or_else(PoisonError::into_inner));
        open.senders.iter().for_each(|sender| send(sender, &reason));
        if let Some((sender, _)) = &open.shared {
            (0..LIMIT).for_each(|_| send(sender, &reason));
        }
    }
}

/// A receiver may be gone by now; a full channel cannot be, there is room for what is sent.
fn send(sender: &Sender<Reason>, reason: &Reason) {
    let _ = sender.try_send(reason.clone());
}
