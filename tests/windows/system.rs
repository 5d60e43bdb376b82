//! Console events, sent as Windows sends them: a thread in the other process that runs `CtrlRoutine`.

use std::ffi::c_void;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle, RawHandle};
use std::process;
use std::ptr;
use std::time::Duration;

pub(crate) const CTRL_C: u32 = 0;
pub(crate) const CTRL_BREAK: u32 = 1;
pub(crate) const CTRL_CLOSE: u32 = 2;
pub(crate) const CTRL_LOGOFF: u32 = 5;
pub(crate) const CTRL_SHUTDOWN: u32 = 6;

pub(crate) const EVENTS: [u32; 5] = [CTRL_C, CTRL_BREAK, CTRL_CLOSE, CTRL_LOGOFF, CTRL_SHUTDOWN];

/// The status of a process that a console event has ended.
pub(crate) const CONTROL_C_EXIT: i32 = i32::from_ne_bytes(0xC000_013A_u32.to_ne_bytes());

const WAIT_OBJECT_0: u32 = 0;

pub(crate) type Handler = extern "system" fn(u32) -> i32;

#[link(name = "kernel32")]
unsafe extern "system" {
    fn GetModuleHandleA(name: *const u8) -> *mut c_void;
    fn GetProcAddress(module: *mut c_void, name: *const u8) -> *mut c_void;
    fn GetCurrentProcess() -> RawHandle;
    fn CreateRemoteThread(
        process: RawHandle,
        attributes: *const c_void,
        stack: usize,
        start: *mut c_void,
        parameter: *mut c_void,
        flags: u32,
        id: *mut u32,
    ) -> RawHandle;
    fn WaitForSingleObject(object: RawHandle, milliseconds: u32) -> u32;
    fn SetConsoleCtrlHandler(handler: Option<Handler>, add: i32) -> i32;
    fn GenerateConsoleCtrlEvent(event: u32, group: u32) -> i32;
    fn AllocConsole() -> i32;
    fn FreeConsole() -> i32;
}

/// What the console runs in a new thread for each event. System libraries have the same address in
/// every process.
fn ctrl_routine() -> *mut c_void {
    // SAFETY: the names end with a zero, and both libraries stay loaded.
    let found = [c"kernelbase.dll", c"kernel32.dll"].map(|library| unsafe {
        let module = GetModuleHandleA(library.as_ptr().cast());
        GetProcAddress(module, c"CtrlRoutine".as_ptr().cast())
    });
    found.into_iter().find(|address| !address.is_null()).expect("CtrlRoutine")
}

/// Whether this is wine, which lacks some of Windows.
pub(crate) fn is_wine() -> bool {
    // SAFETY: the names end with a zero, and the library stays loaded.
    let found = unsafe {
        let module = GetModuleHandleA(c"ntdll.dll".as_ptr().cast());
        GetProcAddress(module, c"wine_get_version".as_ptr().cast())
    };
    !found.is_null()
}

/// The thread that handles an event.
pub(crate) struct Delivery(OwnedHandle);

impl Delivery {
    fn to(process: RawHandle, event: u32) -> Self {
        let event = ptr::without_provenance_mut(event as usize);
        // SAFETY: `CtrlRoutine` has the signature of a thread, and its argument is a number.
        let thread = unsafe {
            CreateRemoteThread(process, ptr::null(), 0, ctrl_routine(), event, 0, ptr::null_mut())
        };
        assert!(!thread.is_null(), "no thread: {}", std::io::Error::last_os_error());
        // SAFETY: the system just made it, and nothing else knows it.
        Self(unsafe { OwnedHandle::from_raw_handle(thread) })
    }

    /// Waits until the handlers have returned. Returns false if they do not in this time.
    pub(crate) fn ends_within(&self, time: Duration) -> bool {
        let milliseconds = time.as_millis().try_into().expect("a short time");
        // SAFETY: the handle is open.
        unsafe { WaitForSingleObject(self.0.as_raw_handle(), milliseconds) == WAIT_OBJECT_0 }
    }
}

/// Delivers an event to a child.
pub(crate) fn send(process: &process::Child, event: u32) -> Delivery {
    Delivery::to(process.as_raw_handle(), event)
}

/// Delivers an event to this process, and waits for the handlers.
#[track_caller]
pub(crate) fn raise(event: u32) {
    // SAFETY: always valid.
    let this = unsafe { GetCurrentProcess() };
    assert!(Delivery::to(this, event).ends_within(super::BOUND));
}

/// Presses Ctrl-C in a new console of this process. Returns false if there cannot be one.
pub(crate) fn press_ctrl_c_in_own_console() -> bool {
    // SAFETY: plain numbers.
    unsafe {
        FreeConsole(); // there may be none
        AllocConsole() != 0 && GenerateConsoleCtrlEvent(CTRL_C, 0) != 0
    }
}

/// Leaves the console, if there is one.
pub(crate) fn leave_console() {
    // SAFETY: no arguments.
    unsafe { FreeConsole() };
}

/// Ignores Ctrl-C, or no longer.
pub(crate) fn ignore_ctrl_c(ignore: bool) {
    // SAFETY: without a handler, this changes a flag.
    assert_ne!(unsafe { SetConsoleCtrlHandler(None, ignore.into()) }, 0);
}

/// Installs another handler.
pub(crate) fn add_handler(handler: Handler) {
    // SAFETY: it lives as long as the process.
    assert_ne!(unsafe { SetConsoleCtrlHandler(Some(handler), 1) }, 0);
}
