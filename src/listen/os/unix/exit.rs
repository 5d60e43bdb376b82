//! How a process ends.

use signal_hook::low_level;

use super::disposition;
use crate::signal::Signal;

/// Exits at once: no destructor and no `atexit` function runs. Async-signal-safe.
pub(crate) use low_level::exit as with_status;

/// Ends the process by `signal`, as if it had no handler. Returns if the signal does not do that.
pub(crate) fn by_signal(signal: Signal) {
    super::unblock([signal]);
    disposition::end_by_default(signal.as_raw());
}

/// The status that shells show for a process that `signal` has ended.
pub(crate) fn status_of(signal: Signal) -> i32 {
    128 + signal.as_raw()
}
