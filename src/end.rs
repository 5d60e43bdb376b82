//! The end of the process.

use signal_hook::low_level;

/// At once: no destructor and no `atexit` function runs.
pub(crate) use low_level::exit as with_status;

/// As if nobody had listened to `signal`. Returns where that does not end the process.
pub(crate) fn by_signal(signal: i32) {
    let _ = low_level::emulate_default_handler(signal); // an error: it is not known what it did
}
