//! The console handler and the listeners that it reaches.
//!
//! The process gets the handler at the first `listen` and keeps it. Windows runs handlers under a lock
//! that removing one takes as well, and a handler may be kept until the process exits. While an event
//! has no listener, the handler passes it on to the one that was installed before.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use windows_sys::Win32::Foundation::{FALSE, TRUE};
use windows_sys::Win32::System::Console::SetConsoleCtrlHandler;
use windows_sys::core::BOOL;

use super::event::{self, ends_process};
use super::exit;
use super::listener::Listener;
use crate::listen::os::forced_exit::{Repeat, RepeatState};
use crate::signal::Signal;
use crate::util::clock;

// Invariants
//
// R1  An event is recorded by every listener before the first one is woken, under the lock. So no
//     listener can end the process before the others know of the event.
// R2  No listener is woken under the lock: a task may drop the last clone of its signal.
// R3  `after_drop` is read only while there is no listener. It is set before the last listener is
//     removed, if an event has set the latch of that one and the program knows it.
// R4  If the program knows of an event through one listener, it counts as seen by every other
//     listener that has it when that one is removed.

static REGISTRY: Mutex<Registry> = Mutex::new(Registry {
    is_installed: false,
    slots: [const { EventSlot { listeners: Vec::new(), after_drop: RepeatState::disabled() } };
        event::COUNT],
});

struct Registry {
    is_installed: bool,
    slots: [EventSlot; event::COUNT],
}

/// What the process does about one event.
struct EventSlot {
    listeners: Vec<Arc<Listener>>,
    /// The repeats of a shutdown whose last listener is gone (R3).
    after_drop: RepeatState,
}

fn lock() -> MutexGuard<'static, Registry> {
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Registry {
    fn slot(&mut self, signal: Signal) -> Option<&mut EventSlot> {
        self.slots.get_mut(event::index(signal)?)
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

/// Returns false if the event takes effect as if the program did not listen.
fn deliver(signal: Signal) -> bool {
    let at = clock::elapsed();
    let mut registry = lock();
    let Some(slot) = registry.slot(signal) else { return false };
    for listener in &slot.listeners {
        listener.record(signal, at); // R1
    }
    let is_same_press = slot.listeners.is_empty() && continues_after_drop(slot, signal);
    let listeners = slot.listeners.clone();
    drop(registry); // R2
    for listener in &listeners {
        listener.wake_all();
    }
    is_same_press || !listeners.is_empty()
}

/// The last listener is gone, after an event: does not return if this one forces the exit.
fn continues_after_drop(slot: &EventSlot, signal: Signal) -> bool {
    slot.after_drop.is_enabled() && slot.after_drop.on_signal(signal.as_raw()) == Repeat::SamePress
}

/// What `register` did.
pub(crate) enum Registered {
    Yes,
    #[allow(dead_code, reason = "Windows does not say whether Ctrl-C is ignored")]
    LeftIgnored,
}

/// Lets `signal`, which exists, reach `listener`. A Ctrl-C that is inherited as ignored stays so.
pub(crate) fn register(
    signal: Signal,
    listener: &Arc<Listener>,
    _: bool,
) -> io::Result<Registered> {
    clock::start();
    let mut registry = lock();
    registry.install()?;
    let slot = registry.slot(signal).ok_or(io::ErrorKind::InvalidInput)?;
    slot.listeners.push(Arc::clone(listener));
    Ok(Registered::Yes)
}

/// `listen` has succeeded: an earlier shutdown is over.
pub(crate) fn begin(signals: &[Signal]) {
    let mut registry = lock();
    for &signal in signals {
        registry.slot(signal).into_iter().for_each(|slot| slot.after_drop.disable());
    }
}

/// Removes `listener`. The previous behavior of its signals is back when this returns.
///
/// A signal that the program did not see takes effect as if it had come afterwards, unless another
/// listener has it.
pub(crate) fn unregister(signals: &[Signal], listener: &Arc<Listener>) {
    let unseen = {
        let mut registry = lock();
        remove(&mut registry, signals, listener);
        unseen_signal(&mut registry, listener)
    };
    if let Some(signal) = unseen {
        exit::by_signal(signal);
    }
}

fn remove(registry: &mut Registry, signals: &[Signal], listener: &Arc<Listener>) {
    let is_seen = listener.target().signal_seen().is_some();
    for &signal in signals {
        let Some(slot) = registry.slot(signal) else { continue };
        if is_seen {
            slot.listeners.iter().for_each(|other| other.target().see()); // R4
            slot.after_drop.copy_from(&listener.repeats); // R3
        }
        slot.listeners.retain(|other| !Arc::ptr_eq(other, listener));
    }
}

fn unseen_signal(registry: &mut Registry, listener: &Listener) -> Option<Signal> {
    let signal = listener.target().signal_unseen()?;
    let slot = registry.slot(signal)?;
    slot.listeners.is_empty().then_some(signal)
}

/// Waits until the handler is not between the first and the last of its listeners (R1).
pub(crate) fn wait_for_deliveries() {
    drop(lock());
}
