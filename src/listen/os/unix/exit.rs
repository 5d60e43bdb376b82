//! How a process ends.

use std::process;

use signal_hook::low_level;

use super::disposition;
use crate::signal::Signal;
use crate::util::os::terminal;

/// Exits at once: no destructor and no `atexit` function runs. Async-signal-safe.
pub(crate) fn with_status(status: i32) -> ! {
    terminal::leave();
    low_level::exit(status)
}

/// Ends the process by `signal`, as if it had no handler. Async-signal-safe.
///
/// The status is 128 + the number of the signal if that is not possible: for process 1, whose default
/// actions do nothing, and for signals that do not end a process.
pub(crate) fn by_signal(signal: Signal) -> ! {
    let signal = signal.as_raw();
    terminal::leave();
    if process::id() != 1 && !disposition::stops_by_default(signal) {
        disposition::run_default_action(signal);
    }
    with_status(128 + signal)
}
