//! The handler of each signal and the listeners that it reaches.
//!
//! A signal gets its handler at the first `listen` and keeps it for the life of the process:
//! signal-hook's registry never puts an old handler back. While a signal has no listener, the
//! handler does what the signal did before.

use std::io;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::disposition::{self, Disposition};
use super::listener::Listener;
use super::listener_list::{ListenerList, is_delivering};
use super::owner::{AtomicOwner, Owner};
use crate::listen::os::forced_exit::{Repeat, RepeatState};
use crate::signal::Signal;
use crate::signal::reason::Process;
use crate::util::clock;

// Invariants
//
// R1  The lists of `SLOTS` belong to the process `OWNER`. Nothing is delivered in a forked child
//     until it has a listener of its own.
// R2  A signal is recorded by every listener before the first one is woken, and `DELIVERIES` is
//     raised meanwhile. So no listener can end the process before the others know of the signal.
// R3  `after_drop` is read only while the list is empty. It is set before the last listener is
//     removed, if a signal has set the latch of that one and the program knows it.
// R4  If the program knows of a signal through one listener, it counts as seen by every other
//     listener that has it when that one is removed.

/// The process that the listeners belong to.
static OWNER: AtomicOwner = AtomicOwner::none();

/// One for each signal number.
static SLOTS: [SignalSlot; SIGNALS] = [const { SignalSlot::new() }; SIGNALS];

/// More than any Unix has.
const SIGNALS: usize = 129;

/// Held while `OWNER` or a slot is changed, never inside a handler.
static REGISTRY_LOCK: Mutex<()> = Mutex::new(());

/// What the process does about one signal.
struct SignalSlot {
    listeners: ListenerList,
    /// What the signal did before the handler was installed. `Unknown` if there is no handler.
    before: AtomicU8,
    /// The repeats of a shutdown whose last listener is gone (R3).
    after_drop: RepeatState,
}

impl SignalSlot {
    const fn new() -> Self {
        Self {
            listeners: ListenerList::new(),
            before: AtomicU8::new(Disposition::Unknown as u8),
            after_drop: RepeatState::disabled(),
        }
    }

    fn before(&self) -> Disposition {
        Disposition::from_u8(self.before.load(Ordering::Relaxed))
    }

    /// Installs the handler, once in the life of the process.
    fn install(&self, signal: i32, before: Disposition) -> io::Result<()> {
        if self.before() != Disposition::Unknown {
            return Ok(());
        }
        self.before.store(before as u8, Ordering::Relaxed);
        // SAFETY: `on_signal` only does what the head of this folder lists, and does not panic.
        let installed = unsafe {
            signal_hook_registry::register_sigaction(signal, move |info| on_signal(signal, info))
        };
        if installed.is_err() {
            self.before.store(Disposition::Unknown as u8, Ordering::Relaxed);
        }
        installed.map(drop)
    }
}

fn slot(signal: i32) -> Option<&'static SignalSlot> {
    SLOTS.get(usize::try_from(signal).ok()?)
}

fn lock() -> MutexGuard<'static, ()> {
    REGISTRY_LOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns false in a forked child that has no listener of its own.
fn is_owner() -> bool {
    OWNER.is_current()
}

/// The handler.
fn on_signal(signal: i32, info: &libc::siginfo_t) {
    let Some(slot) = slot(signal) else { return };
    // R1
    let is_handled =
        is_owner() && (deliver(slot, signal, info) || continues_after_drop(slot, signal));
    if !is_handled {
        fallback_action(slot, signal);
    }
}

/// Returns false if there is no listener.
fn deliver(slot: &SignalSlot, signal: i32, info: &libc::siginfo_t) -> bool {
    let (process, at) = (sender(info), clock::elapsed());
    slot.listeners.deliver(|listeners| {
        for listener in listeners {
            listener.record(signal, process, at);
        }
        for listener in listeners {
            listener.wake_if_set(); // R2
        }
    })
}

/// The last listener is gone, after a signal. Returns whether this one is the same press of Ctrl-C;
/// does not return if it forces the exit.
fn continues_after_drop(slot: &SignalSlot, signal: i32) -> bool {
    slot.after_drop.is_enabled() && slot.after_drop.on_signal(signal) == Repeat::SamePress
}

/// Does what the signal did before the first listener. Async-signal-safe.
fn fallback_action(slot: &SignalSlot, signal: i32) {
    if slot.before() == Disposition::Default {
        disposition::end_by_default(signal);
    }
}

/// What `register` did.
pub(crate) enum Registered {
    Yes,
    /// The signal is inherited as ignored and stays so.
    LeftIgnored,
}

/// Lets `signal`, which exists, reach `listener`.
pub(crate) fn register(
    signal: Signal,
    listener: &Arc<Listener>,
    keep_ignored: bool,
) -> io::Result<Registered> {
    let signal = signal.as_raw();
    let slot = slot(signal).ok_or_else(|| io::Error::from_raw_os_error(libc::EINVAL))?;
    let _lock = lock();
    clock::start();
    reset_after_fork();
    let before = match slot.before() {
        Disposition::Unknown => Disposition::current(signal)?,
        known => known,
    };
    if before == Disposition::Ignored && keep_ignored {
        return Ok(Registered::LeftIgnored);
    }
    slot.install(signal, before)?;
    slot.listeners.add(listener);
    Ok(Registered::Yes)
}

/// `listen` has succeeded: an earlier shutdown is over.
pub(crate) fn begin(signals: &[Signal]) {
    for slot in signals.iter().filter_map(|signal| slot(signal.as_raw())) {
        slot.after_drop.disable();
    }
}

/// In a forked child that listens by itself, the listeners of its parent do not count (R1).
fn reset_after_fork() {
    if is_owner() {
        return;
    }
    if OWNER.is_set() {
        for slot in &SLOTS {
            slot.listeners.reset_after_fork();
            slot.after_drop.disable();
        }
    }
    OWNER.set(Owner::current());
}

/// Removes `listener`. The previous behavior of its signals is back when this returns.
///
/// A signal that the program did not see takes effect as if it had come afterwards, unless another
/// listener has it.
pub(crate) fn unregister(signals: &[Signal], listener: &Arc<Listener>) {
    if !listener.in_owner_process() {
        return; // in a forked child nothing here is its own
    }
    let unseen = {
        let _lock = lock();
        remove(signals, listener);
        unseen_signal(listener)
    };
    if let Some((slot, signal)) = unseen {
        fallback_action(slot, signal);
    }
}

/// Waits until no handler is between the first and the last of its listeners.
///
/// After a listener was seen to have its signal, every other one has it too when this returns.
pub(crate) fn wait_for_deliveries() {
    while is_owner() && is_delivering() {
        thread::yield_now();
    }
}

fn remove(signals: &[Signal], listener: &Arc<Listener>) {
    let is_seen = listener.target().signal_seen().is_some();
    if is_seen {
        wait_for_deliveries(); // R4
    }
    for slot in signals.iter().filter_map(|signal| slot(signal.as_raw())) {
        if is_seen {
            slot.listeners.for_each(|other| other.target().see()); // R4
            slot.after_drop.copy_from(&listener.repeats); // R3
        }
        slot.listeners.remove(listener);
    }
}

fn unseen_signal(listener: &Listener) -> Option<(&'static SignalSlot, i32)> {
    let signal = listener.target().signal_unseen()?.as_raw();
    let slot = slot(signal)?;
    slot.listeners.is_empty().then_some((slot, signal))
}

/// The process that sent the signal, if the kernel vouches for it. What `sigqueue` carries can be
/// forged.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn sender(info: &libc::siginfo_t) -> Option<Process> {
    if !matches!(info.si_code, libc::SI_USER | libc::SI_TKILL) {
        return None;
    }
    // SAFETY: with these codes the kernel has filled in both fields.
    let (pid, uid) = unsafe { (info.si_pid(), info.si_uid()) };
    // 0 is a process outside this PID namespace.
    u32::try_from(pid).ok().filter(|&pid| pid != 0).map(|pid| Process { pid, uid })
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn sender(_: &libc::siginfo_t) -> Option<Process> {
    None
}
