//! How a program begins to listen to signals, and how it stops.

pub(crate) mod backend;
mod lifelines;
pub(crate) mod listener;
pub(crate) mod os;
mod send;
mod stream;

use std::any::Any;
use std::mem;
use std::sync::Arc;
use std::thread::Thread;
use std::time::Instant;

pub use self::backend::{Backend, Notifier};
use self::listener::{Listener, Target};
pub use self::stream::SignalStream;
use crate::error::Error;
use crate::signal::Signal;
use crate::signal::latch::Latch;
use crate::signal::options::{ForcedExit, Signals};
use crate::signal::{Origin, ShutdownSignal, Source};
use crate::util::os::terminal;

impl ShutdownSignal {
    /// Listens to `SIGTERM` and `SIGINT`, on the runtime of `backend`. On Windows these are
    /// [the events of a console](Self#windows).
    ///
    /// The handlers are installed when this returns: a later signal is not lost, even if it comes
    /// before the first poll, or if the runtime is busy, blocked or gone. Call it first in `main`.
    /// [`Signals`] has the same with options.
    ///
    /// An inherited blocked signal is unblocked on the calling thread and the threads that it starts
    /// later.
    ///
    /// # Errors
    ///
    /// Returns [`Error::NoRuntime`] or [`Error::NoDriver`] if the runtime is missing, and another
    /// [`Error`] if the system refuses a descriptor, a thread or a handler. Nothing is left behind.
    #[doc(alias("ctrl_c", "set_handler", "SIGTERM"))]
    pub fn listen(backend: impl Backend) -> Result<Self, Error> {
        Signals::default().listen(backend)
    }
}

impl Signals {
    /// Listens to these signals, on the runtime of `backend`.
    ///
    /// # Errors
    ///
    /// As [`ShutdownSignal::listen`]; also [`Error::NoSignals`] if the set is empty and there is no other
    /// source, [`Error::NotAllowed`] or [`Error::Unknown`] if it contains a signal that cannot be used, and
    /// [`Error::Parent`] if the system does not let this process watch its parent.
    pub fn listen<B: Backend>(self, backend: B) -> Result<ShutdownSignal, Error> {
        let latch = Arc::<Latch>::default();
        let listening = self.start(Target::Latch(Arc::clone(&latch)), backend)?;
        let lifelines = lifelines::start(self.lifelines, &listening.listener)?;
        os::begin(&listening.signals);
        lifelines.inspect(Thread::unpark);
        if self.restore_terminal {
            terminal::save_modes();
        }
        Ok(ShutdownSignal::new(latch, Origin::System(Box::new(listening))))
    }

    /// Listens to these signals until the result is dropped.
    pub(crate) fn start(&self, target: Target, backend: impl Backend) -> Result<Listening, Error> {
        if self.lifelines.is_any() && target.repeats() {
            return Err(Error::NotForStreams);
        }
        if self.set.is_empty() && !self.lifelines.is_any() {
            return Err(Error::NoSignals);
        }
        // Before the first handler: an invalid set changes nothing.
        self.set.iter().try_for_each(|&signal| check(signal, target.repeats()))?;

        let forced_exit = if target.repeats() { ForcedExit::Never } else { self.forced_exit };
        let listener = Listener::new(target, forced_exit).map_err(Error::Descriptor)?;
        // From here on, dropping `listening` undoes everything.
        let mut listening = Listening::new(Arc::new(listener));
        for &signal in &self.set {
            listening.register(signal, self.keeps_ignored(signal))?;
        }
        os::unblock(listening.signals.iter().copied());
        listening.watch(backend)?;
        Ok(listening)
    }

    fn keeps_ignored(&self, signal: Signal) -> bool {
        match signal {
            Signal::Terminate => false,
            Signal::Interrupt => self.keep_ignored_interrupt,
            _ => !self.even_if_ignored,
        }
    }
}

fn check(signal: Signal, for_stream: bool) -> Result<(), Error> {
    if !os::is_allowed(signal, for_stream) {
        return Err(Error::NotAllowed(signal));
    }
    if os::exists(signal) { Ok(()) } else { Err(Error::Unknown(signal)) }
}

/// The source of a signal or a stream that listens to the system.
pub(crate) struct Listening {
    listener: Arc<Listener>,
    pub(crate) signals: Vec<Signal>,
    /// The result of `Backend::watch`, kept until this is dropped.
    watch: Option<Box<dyn Any + Send + Sync>>,
}

impl Listening {
    fn new(listener: Arc<Listener>) -> Self {
        Self { listener, signals: Vec::new(), watch: None }
    }

    fn register(&mut self, signal: Signal, keep_ignored: bool) -> Result<(), Error> {
        match os::register(signal, &self.listener, keep_ignored) {
            Ok(true) => self.signals.push(signal),
            Ok(false) => {}
            Err(source) => return Err(Error::Register { signal, source }),
        }
        Ok(())
    }

    fn watch(&mut self, backend: impl Backend) -> Result<(), Error> {
        let notifier = Notifier::new(Arc::clone(&self.listener), self.signals.clone());
        self.watch = Some(Box::new(backend.watch(notifier)?));
        self.listener.begin();
        Ok(())
    }
}

impl Source for Listening {
    fn in_owner_process(&self) -> bool {
        self.listener.in_owner_process()
    }

    fn forces_exit(&self) -> bool {
        self.listener.forces_exit() && self.signals.contains(&Signal::Interrupt)
    }

    fn wake(&self) {
        self.listener.wake();
    }

    fn wait(&self, deadline: Option<Instant>) -> bool {
        self.listener.wait(deadline)
    }

    fn start_thread(&self) -> bool {
        self.listener.start_thread().is_ok()
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        if !self.listener.in_owner_process() {
            // The reactor of a forked child shares its epoll with the parent: removing the
            // descriptor would remove it for the parent.
            return mem::forget(self.watch.take());
        }
        let has_begun = self.watch.is_some();
        self.listener.close();
        if has_begun && !self.listener.target().repeats() {
            os::release(&self.signals, &self.listener);
        } else {
            os::unregister(&self.signals, &self.listener);
        }
    }
}
