//! How a process ends.

use std::thread;

use windows_sys::Win32::Foundation::STATUS_CONTROL_C_EXIT;
use windows_sys::Win32::System::Threading::{GetCurrentProcess, TerminateProcess};

use crate::signal::Signal;

/// Exits at once: no destructor and no `DllMain` runs. Either may block, and the handler may hold
/// the lock of the console.
pub(crate) fn with_status(status: i32) -> ! {
    let status = u32::from_ne_bytes(status.to_ne_bytes());
    // SAFETY: the handle of the calling process is always valid, and has every right.
    unsafe { TerminateProcess(GetCurrentProcess(), status) };
    loop {
        thread::park(); // not reached: it ends the calling thread as well
    }
}

/// Ends the process as a console event does.
pub(crate) fn by_signal(_: Signal) -> ! {
    with_status(STATUS_CONTROL_C_EXIT)
}
