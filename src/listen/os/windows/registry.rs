//! The console handler and the listeners that it reaches.
//!
//! The process gets the handler at the first `listen` and keeps it. Windows runs handlers under a lock
//! that removing one takes as well, and a handler may be kept until the process exits. While an event
//! has no listener, the handler passes it on to the one that was installed before.

use std::io;
use std::sync::Arc;
use std::thread;

use windows_sys::Win32::Foundation::{FALSE, TRUE};
use windows_sys::Win32::System::Console::SetConsoleCtrlHandler;
use windows_sys::core::BOOL;

use super::event::{self, ends_process};
use crate::listen::listener::{Arrival, Listener};
use crate::signal::Signal;
use crate::util::clock;
use crate::util::sync::{Mutex, lock};

// Invariants
//
// R1  An event is recorded by every listener before the first one is woken, under the lock. So no
//     listener can end the process before the others know of the event.
// R2  No listener is woken under the lock: a task may drop the last clone of its signal.
// R3  A listener that is closed and still in a list is spent. The next `listen` for that event
//     removes it.

static REGISTRY: Mutex<Registry> =
    Mutex::new(Registry { is_installed: false, listeners: [const { Vec::new() }; event::COUNT] });

struct Registry {
    is_installed: bool,
    /// For each event.
    listeners: [Vec<Arc<Listener>>; event::COUNT],
}

impl Registry {
    fn listeners(&mut self, signal: Signal) -> Option<&mut Vec<Arc<Listener>>> {
        self.listeners.get_mut(event::index(signal)?)
    }

    /// Installs the handler, once in the life of the process.
    fn install(&mut self) -> io::Result<()> {
        if !self.is_installed {
            // SAFETY: `on_event` has the signature of a handler and lives as long as the process.
            if unsafe { SetConsoleCtrlHandler(Some(on_event), TRUE) } == FALSE {
                return Err(io::Error::last_os_error());
            }
            self.is_installed = true;
        }
        Ok(())
    }
}

/// The handler. FALSE passes the event on, in the end to the default: the process exits.
extern "system" fn on_event(event: u32) -> BOOL {
    let Some(signal) = event::signal(event) else { return FALSE };
    let is_handled = deliver(signal);
    while is_handled && ends_process(signal) {
        thread::park(); // until the process exits, which Windows would do at once
    }
    is_handled.into()
}

/// Returns false if there is no listener.
fn deliver(signal: Signal) -> bool {
    let at = clock::elapsed();
    let arrival = Arrival { signal: signal.as_raw(), sender: None, is_typed: true, at };
    let mut registry = lock(&REGISTRY);
    let Some(listeners) = registry.listeners(signal) else { return false };
    for listener in &*listeners {
        listener.record(arrival); // R1
    }
    let listeners = listeners.clone();
    drop(registry); // R2
    for listener in &listeners {
        listener.wake_all();
    }
    !listeners.is_empty()
}

/// Delivers `signal` to `listener` from now on. The caller has checked that the signal exists. A Ctrl-C
/// that is inherited as ignored stays so, but Windows does not say that, so this returns true.
pub(crate) fn register(signal: Signal, listener: &Arc<Listener>, _: bool) -> io::Result<bool> {
    clock::start();
    let mut registry = lock(&REGISTRY);
    registry.install()?;
    let listeners = registry.listeners(signal).ok_or(io::ErrorKind::InvalidInput)?;
    listeners.push(Arc::clone(listener));
    Ok(true)
}

/// `listen` has succeeded: an earlier shutdown is over (R3).
pub(crate) fn begin(signals: &[Signal]) {
    retain(signals, |listener, _| !listener.is_closed());
}

/// The last clone of a signal is dropped. A spent listener stays, unless another one waits for a
/// shutdown. Of any other listener, the previous behavior of its signals is back when this returns.
pub(crate) fn release(signals: &[Signal], listener: &Arc<Listener>) {
    retain(signals, |other, is_awaited| {
        !Arc::ptr_eq(other, listener) || listener.is_spent() && !is_awaited
    });
}

/// Removes a listener. The previous behavior of its signals is back when this returns.
pub(crate) fn unregister(signals: &[Signal], listener: &Arc<Listener>) {
    retain(signals, |other, _| !Arc::ptr_eq(other, listener));
}

/// Keeps the listeners for which `f` is true. It gets whether one of the list awaits a shutdown.
fn retain(signals: &[Signal], f: impl Fn(&Arc<Listener>, bool) -> bool) {
    let mut registry = lock(&REGISTRY);
    for &signal in signals {
        let Some(listeners) = registry.listeners(signal) else { continue };
        let is_awaited = listeners.iter().any(|listener| listener.awaits_shutdown());
        listeners.retain(|listener| f(listener, is_awaited));
    }
}

/// Waits until the handler is not between the first and the last of its listeners (R1).
pub(crate) fn wait_for_deliveries() {
    drop(lock(&REGISTRY));
}
