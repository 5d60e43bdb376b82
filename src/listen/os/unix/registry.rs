//! The handler of each signal and the listeners that it reaches.
//!
//! A signal gets its handler at the first `listen` and keeps it for the life of the process:
//! signal-hook's registry never puts an old handler back. While a signal has no listener, the
//! handler does what the signal did before.
//!
//! A handler must not lock, so it reads the listeners of its signal from a list that is replaced as a
//! whole, and freed when no handler can be reading it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, AtomicU8, AtomicU32, AtomicUsize, Ordering};
use std::{process, ptr, thread};

use super::disposition::{self, Disposition};
use super::hangup;
use crate::listen::listener::{Arrival, Listener};
use crate::signal::Signal;
use crate::signal::reason::Process;
use crate::util::clock;
use crate::util::sync::{Mutex, lock};

// Invariants
//
// R1  The lists of `SLOTS` belong to the process `OWNER`. Nothing is delivered in a forked child
//     until it has a listener of its own.
// R2  A signal is recorded by every listener before the first one is woken, and `DELIVERIES` is
//     raised meanwhile. So no listener can end the process before the others know of the signal.
// R3  A listener that is closed and still in a list is spent. The next `listen` for that signal
//     removes it.
// R4  `list` is null or points to a boxed vector that is not empty. Only `change` writes it, under
//     the lock of the registry.
// R5  A handler raises `DELIVERIES` before it reads `list`, and lowers it when it no longer uses
//     what it read. `change` frees the old vector after `DELIVERIES` was 0 at some moment after
//     the exchange. All four accesses are SeqCst: a handler that raised it later sees the new one.
// R6  A forked child has its own copy of `DELIVERIES`, which may count handlers of its parent. The
//     registry resets it before the child has a listener of its own.

/// The process that the listeners belong to.
static OWNER: AtomicU32 = AtomicU32::new(NO_PROCESS);

const NO_PROCESS: u32 = 0;

/// One for each signal number.
static SLOTS: [SignalSlot; SIGNALS] = [const { SignalSlot::new() }; SIGNALS];

/// More than any Unix has.
const SIGNALS: usize = 129;

/// Held while `OWNER` or a slot is changed, never inside a handler.
static REGISTRY_LOCK: Mutex<()> = Mutex::new(());

/// The state of one signal in this process.
struct SignalSlot {
    listeners: ListenerList,
    /// The disposition before the handler was installed. `Unknown` if there is no handler.
    before: AtomicU8,
}

impl SignalSlot {
    const fn new() -> Self {
        Self { listeners: ListenerList::new(), before: AtomicU8::new(Disposition::Unknown as u8) }
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

fn slots(signals: &[Signal]) -> impl Iterator<Item = &'static SignalSlot> {
    signals.iter().filter_map(|signal| slot(signal.as_raw()))
}

/// Returns false in a forked child that has no listener of its own.
pub(super) fn is_owner() -> bool {
    // Relaxed: only the process itself changes it, before it has any listener.
    OWNER.load(Ordering::Relaxed) == process::id()
}

/// The handler.
fn on_signal(signal: i32, info: &libc::siginfo_t) {
    let Some(slot) = slot(signal) else { return };
    let is_handled = is_owner() && deliver(slot, signal, info); // R1
    if !is_handled {
        fallback_action(slot, signal);
    }
}

/// Returns false if there is no listener.
fn deliver(slot: &SignalSlot, signal: i32, info: &libc::siginfo_t) -> bool {
    let (sender, is_typed) = (sender(info), is_typed(info));
    let arrival = Arrival { signal, sender, is_typed, at: clock::elapsed() };
    slot.listeners.deliver(|listeners| {
        for listener in listeners {
            listener.record(arrival);
        }
        if listeners.iter().any(|listener| listener.is_requested()) {
            hangup::outlive_hangup();
        }
        for listener in listeners {
            listener.wake_if_set(); // R2
        }
    })
}

/// Does what the signal did before the first listener. Async-signal-safe.
fn fallback_action(slot: &SignalSlot, signal: i32) {
    let is_outlived = signal == libc::SIGHUP && is_owner() && hangup::is_outlived();
    if slot.before() == Disposition::Default && !is_outlived {
        disposition::default_action_after_handler(signal);
    }
}

/// Delivers `signal` to `listener` from now on. The caller has checked that the signal exists. Returns
/// false if it is inherited as ignored and stays so.
pub(crate) fn register(
    signal: Signal,
    listener: &Arc<Listener>,
    keep_ignored: bool,
) -> io::Result<bool> {
    let signal = signal.as_raw();
    let slot = slot(signal).ok_or_else(|| io::Error::from_raw_os_error(libc::EINVAL))?;
    let _lock = lock(&REGISTRY_LOCK);
    clock::start();
    reset_after_fork();
    if signal == libc::SIGHUP {
        hangup::remove_handler();
    }
    let before = match slot.before() {
        Disposition::Unknown => Disposition::current(signal)?,
        known => known,
    };
    if before == Disposition::Ignored && keep_ignored {
        return Ok(false);
    }
    slot.install(signal, before)?;
    slot.listeners.add(listener);
    Ok(true)
}

/// `listen` has succeeded: an earlier shutdown is over (R3).
pub(crate) fn begin(signals: &[Signal]) {
    let _lock = lock(&REGISTRY_LOCK);
    reset_after_fork(); // there may be no signal
    for slot in slots(signals) {
        slot.listeners.retain(|listener| !listener.is_closed());
    }
    end_shutdown_if_over();
}

/// The caller has removed a listener.
fn end_shutdown_if_over() {
    if hangup::is_outlived() && !SLOTS.iter().any(|slot| slot.listeners.any(Listener::is_requested))
    {
        hangup::end();
    }
}

/// In a forked child that listens by itself, the listeners of its parent do not count (R1).
fn reset_after_fork() {
    if is_owner() {
        return;
    }
    if OWNER.load(Ordering::Relaxed) != NO_PROCESS {
        for slot in &SLOTS {
            slot.listeners.reset_after_fork();
        }
        hangup::end();
    }
    OWNER.store(process::id(), Ordering::Relaxed);
}

/// The last clone of a signal is dropped. A spent listener stays, unless another one waits for a
/// shutdown. Of any other listener, the previous behavior of its signals is back when this returns.
pub(crate) fn release(signals: &[Signal], listener: &Arc<Listener>) {
    let _lock = lock(&REGISTRY_LOCK);
    if !listener.is_spent() {
        remove(signals, listener);
        if listener.is_spent() {
            slots(signals).for_each(|slot| slot.listeners.add(listener)); // spent in between
        }
    }
    for slot in slots(signals).filter(|slot| slot.listeners.any(Listener::awaits_shutdown)) {
        slot.listeners.retain(|other| !Arc::ptr_eq(other, listener));
    }
    end_shutdown_if_over();
}

/// Removes a listener. The previous behavior of its signals is back when this returns.
pub(crate) fn unregister(signals: &[Signal], listener: &Arc<Listener>) {
    let _lock = lock(&REGISTRY_LOCK);
    remove(signals, listener);
    end_shutdown_if_over();
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
    for slot in slots(signals) {
        slot.listeners.retain(|other| !Arc::ptr_eq(other, listener));
    }
}

/// Whether the signal may have been typed on a terminal. Elsewhere that is not known.
fn is_typed(info: &libc::siginfo_t) -> bool {
    /// `SI_KERNEL`, which libc does not have for FreeBSD.
    const BY_KERNEL: i32 = if cfg!(target_os = "freebsd") { 0x10006 } else { 0x80 };
    !cfg!(any(target_os = "linux", target_os = "android", target_os = "freebsd"))
        || info.si_code == BY_KERNEL
}

/// The process that sent the signal, if the kernel vouches for it. What `sigqueue` carries can be
/// forged.
#[allow(unused_variables, reason = "other systems do not vouch for it")]
fn sender(info: &libc::siginfo_t) -> Option<Process> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if matches!(info.si_code, libc::SI_USER | libc::SI_TKILL) {
        // SAFETY: with these codes the kernel has filled in both fields.
        let (pid, uid) = unsafe { (info.si_pid(), info.si_uid()) };
        // 0 is a process outside this PID namespace.
        return u32::try_from(pid).ok().filter(|&pid| pid != 0).map(|pid| Process { pid, uid });
    }
    None
}

/// How many handlers are delivering a signal.
static DELIVERIES: AtomicUsize = AtomicUsize::new(0);

/// See R4.
struct ListenerList {
    list: AtomicPtr<Vec<Arc<Listener>>>,
}

impl ListenerList {
    const fn new() -> Self {
        Self { list: AtomicPtr::new(ptr::null_mut()) }
    }

    /// Calls `deliver` with the listeners, if there are any. Async-signal-safe. Returns whether
    /// there were any.
    fn deliver(&self, deliver: impl FnOnce(&[Arc<Listener>])) -> bool {
        DELIVERIES.fetch_add(1, Ordering::SeqCst);
        // SAFETY: it is null or valid until `DELIVERIES` is lowered (R5).
        let list = unsafe { self.list.load(Ordering::SeqCst).as_ref() };
        list.inspect(|list| deliver(list));
        let found = list.is_some();
        DELIVERIES.fetch_sub(1, Ordering::SeqCst);
        found
    }

    /// Returns whether `f` is true for one of the listeners. The caller holds the lock of the registry.
    fn any(&self, f: impl Fn(&Listener) -> bool) -> bool {
        // SAFETY: it is null or valid, and only `change` frees it, under the same lock (R4).
        let list = unsafe { self.list.load(Ordering::Relaxed).as_ref() };
        list.is_some_and(|list| list.iter().any(|listener| f(listener)))
    }

    /// Adds a listener. The caller holds the lock of the registry.
    fn add(&self, listener: &Arc<Listener>) {
        self.change(|list| list.push(Arc::clone(listener)));
    }

    /// Keeps the listeners for which `f` is true. The caller holds the lock of the registry. No handler
    /// uses the others any more when this returns.
    fn retain(&self, f: impl Fn(&Arc<Listener>) -> bool) {
        self.change(|list| list.retain(f));
    }

    /// Forgets the listeners of the parent process, in a forked child. The caller holds the lock of
    /// the registry.
    fn reset_after_fork(&self) {
        DELIVERIES.store(0, Ordering::SeqCst); // R6
        // Leaked: a thread of the parent may have been changing the vector.
        self.list.store(ptr::null_mut(), Ordering::SeqCst);
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Arc<Listener>>)) {
        // SAFETY: it is null or valid, and only this function frees it (R4).
        let old = unsafe { self.list.load(Ordering::Relaxed).as_ref() };
        let mut list = old.cloned().unwrap_or_default();
        change(&mut list);
        let new = if list.is_empty() { ptr::null_mut() } else { Box::into_raw(Box::new(list)) };
        let old = self.list.swap(new, Ordering::SeqCst);
        while is_delivering() {
            thread::yield_now();
        }
        if !old.is_null() {
            // SAFETY: it came from `Box::into_raw`, and no handler can reach it any more (R5).
            drop(unsafe { Box::from_raw(old) });
        }
    }
}

/// Returns whether a handler is between the first and the last of its listeners.
fn is_delivering() -> bool {
    DELIVERIES.load(Ordering::SeqCst) != 0
}
