//! How a process ends.

use std::process;

use signal_hook::low_level;

use super::disposition;
use crate::signal::Signal;

/// Exits at once: no destructor and no `atexit` function runs. Async-signal-safe.
pub(crate) use low_level::exit as with_status;

/// Ends the process by `signal`, as if it had no handler. Async-signal-safe.
///
/// The status is 128 + the number of the signal if that is not possible: for process 1, whose default
/// actions do nothing, and for signals that do not end a process.
pub(crate) fn by_signal(signal: Signal) -> ! {
    let signal = signal.as_raw();
    if process::id() != 1 && !disposition::stops_by_default(signal) {
        disposition::run_default_action(signal);
    }
    with_status(128 + signal)
}
