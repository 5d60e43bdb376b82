//! How a program begins to listen, and how it stops.

use std::any::Any;
use std::mem;
use std::sync::Arc;
use std::time::Instant;

use crate::backend::{Backend, Notifier, Duty};
use crate::error::Error;
use crate::handler::{self, Entered, Line, Registration};
use crate::latch::Latch;
use crate::signal::Signal;
use crate::shutdown_signal::{Shared, ShutdownSignal, Source};
use crate::options::Signals;

impl ShutdownSignal {
    /// Listens to `SIGTERM` and `SIGINT`; `backend` is the runtime that wakes who waits.
    ///
    /// The handlers are in place when this returns: a signal from then on is kept, before the
    /// first poll, and with the runtime busy, blocked or gone. Call it first thing in `main`.
    /// [`Signals`] has the same with choices.
    ///
    /// A signal that the process inherited as blocked is unblocked on the thread that calls this,
    /// and on those that it starts later.
    ///
    /// # Errors
    ///
    /// Where there is no such runtime on this thread, or the system refuses a descriptor, a thread
    /// or a handler. Nothing is left behind then.
    pub fn listen(backend: impl Backend) -> Result<Self, Error> {
        Signals::default().listen(backend)
    }
}

impl Signals {
    /// Listens to these signals; `backend` is the runtime that wakes who waits.
    ///
    /// # Errors
    ///
    /// As [`ShutdownSignal::listen`], and where the set is empty or holds a signal that cannot ask
    /// a process to stop.
    pub fn listen<B: Backend>(self, backend: B) -> Result<ShutdownSignal, Error> {
        if self.set.is_empty() {
            return Err(Error::NoSignals);
        }
        // Before any handler is in place: a set that cannot be changes nothing.
        self.set.iter().try_for_each(|&signal| check(signal))?;

        let shared = Arc::<Shared>::default();
        let line =
            Line::new(Arc::downgrade(&shared), self.forced_exit).map_err(Error::Descriptor)?;
        // From here on dropping `listening` takes everything back.
        let mut listening = Listening::new(Arc::new(line));
        for &signal in &self.set {
            listening.enter(signal, self.keeps_ignored(signal))?;
        }
        handler::unblock(listening.registrations.iter().map(Registration::signal));
        listening.watch(backend)?;
        handler::begin_anew(&listening.registrations);
        let _ = shared.source.set(Box::new(listening)); // it is new, so there was none
        Ok(ShutdownSignal::on(shared))
    }

    fn keeps_ignored(&self, signal: Signal) -> bool {
        match signal {
            Signal::Terminate => false,
            Signal::Interrupt => self.keep_ignored_interrupt,
            _ => true,
        }
    }
}

fn check(signal: Signal) -> Result<(), Error> {
    match signal.as_raw() {
        number if UNSUITABLE.contains(&number) => Err(Error::NotAllowed(signal)),
        number if handler::exists(number) => Ok(()),
        _ => Err(Error::Unknown(signal)),
    }
}

/// What no program may take as "please stop".
const UNSUITABLE: &[i32] = &[
    // cannot be caught
    libc::SIGKILL,
    libc::SIGSTOP,
    // a fault of the program itself
    libc::SIGILL,
    libc::SIGFPE,
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGTRAP,
    libc::SIGSYS,
    libc::SIGABRT,
    // ordinary life: a reader went, a child ended, a window changed, a job moved
    libc::SIGPIPE,
    libc::SIGCHLD,
    libc::SIGCONT,
    libc::SIGURG,
    libc::SIGWINCH,
    libc::SIGTSTP,
    libc::SIGTTIN,
    libc::SIGTTOU,
];

/// The source of a signal that listens to the system.
struct Listening {
    line: Arc<Line>,
    duty: Arc<Duty>,
    registrations: Vec<Registration>,
    /// Whatever the backend needs to keep.
    watch: Option<Box<dyn Any + Send + Sync>>,
}

impl Listening {
    fn new(line: Arc<Line>) -> Self {
        Self { line, duty: Arc::default(), registrations: Vec::new(), watch: None }
    }

    fn enter(&mut self, signal: Signal, keep_ignored: bool) -> Result<(), Error> {
        match handler::enter(signal.as_raw(), &self.line, keep_ignored) {
            Ok(Entered::Yes(registration)) => self.registrations.push(registration),
            Ok(Entered::LeftIgnored) => {}
            Err(source) => return Err(Error::Register { signal, source }),
        }
        Ok(())
    }

    fn watch(&mut self, backend: impl Backend) -> Result<(), Error> {
        let signals = self.registrations.iter().map(|r| Signal::from_raw(r.signal())).collect();
        let notifier = Notifier::new(Arc::clone(&self.line), Arc::clone(&self.duty), signals);
        self.watch = Some(Box::new(backend.watch(notifier)?));
        self.duty.begin(&self.line);
        Ok(())
    }
}

impl Source for Listening {
    fn is_ours(&self) -> bool {
        self.line.is_ours()
    }

    fn ring(&self) {
        self.line.notifier.ring();
    }

    fn wait(&self, latch: &Latch, deadline: Option<Instant>) {
        while !latch.is_set() && deadline.is_none_or(|deadline| Instant::now() < deadline) {
            self.line.notifier.wait(deadline);
        }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let held = self.duty.end();
        handler::leave(&self.registrations, &self.line, held);
        if self.line.is_ours() {
            self.line.notifier.ring(); // whoever still watches finds out that nobody is left
        } else {
            // The reactor of a forked child shares its epoll with the parent's: taking the
            // descriptor out of it would take it out for the parent.
            mem::forget(self.watch.take());
        }
        self.watch = None;
    }
}
