//! The events of a console.

use windows_sys::Win32::System::Console::{
    CTRL_BREAK_EVENT, CTRL_C_EVENT, CTRL_CLOSE_EVENT, CTRL_LOGOFF_EVENT, CTRL_SHUTDOWN_EVENT,
};

use crate::signal::Signal;

/// Each event and its signal. Events are known by their place in here.
const EVENTS: [(u32, Signal); COUNT] = [
    (CTRL_C_EVENT, Signal::Interrupt),
    (CTRL_BREAK_EVENT, Signal::CtrlBreak),
    (CTRL_CLOSE_EVENT, Signal::CtrlClose),
    (CTRL_LOGOFF_EVENT, Signal::CtrlLogoff),
    (CTRL_SHUTDOWN_EVENT, Signal::CtrlShutdown),
];

pub(super) const COUNT: usize = 5;

/// Returns the signal of an event.
pub(super) fn signal(event: u32) -> Option<Signal> {
    EVENTS.iter().find(|(known, _)| *known == event).map(|(_, signal)| *signal)
}

/// The place of the signal in `EVENTS`.
pub(super) fn index(signal: Signal) -> Option<usize> {
    EVENTS.iter().position(|(_, known)| *known == signal)
}

/// Returns whether Windows ends the process as soon as the handler has returned.
pub(super) fn ends_process(signal: Signal) -> bool {
    matches!(signal, Signal::CtrlClose | Signal::CtrlLogoff | Signal::CtrlShutdown)
}

/// Returns whether the platform has this signal.
pub(crate) fn exists(signal: Signal) -> bool {
    index(signal).is_some()
}

/// Returns whether a program can take this signal as a request: all that exist.
pub(crate) fn is_allowed(_: Signal, _: bool) -> bool {
    true
}

/// No event can be blocked.
pub(crate) fn unblock(_: impl IntoIterator<Item = Signal>) {}
