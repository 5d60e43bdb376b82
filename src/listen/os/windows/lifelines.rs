//! Standard input and the parent process on Windows, which are asked once a second.

use std::io;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::ptr;
use std::thread;
use std::time::Duration;

use windows_sys::Wdk::System::Threading::{NtQueryInformationProcess, ProcessBasicInformation};
use windows_sys::Win32::Foundation::{
    ERROR_BROKEN_PIPE, ERROR_INVALID_PARAMETER, FILETIME, GetLastError, HANDLE, WAIT_OBJECT_0,
};
use windows_sys::Win32::System::Console::{GetStdHandle, STD_INPUT_HANDLE};
use windows_sys::Win32::System::Pipes::PeekNamedPipe;
use windows_sys::Win32::System::Threading::{
    GetCurrentProcess, GetProcessTimes, OpenProcess, PROCESS_QUERY_LIMITED_INFORMATION,
    PROCESS_SYNCHRONIZE, WaitForSingleObject,
};

use crate::listen::listener::Listener;
use crate::signal::options::Lifelines;
use crate::signal::reason::Reason;

/// The lifelines that a thread watches.
pub(crate) struct LifelineWatch {
    stdin: bool,
    parent: Option<OwnedHandle>,
}

impl LifelineWatch {
    /// Returns `None` if there is nothing to watch.
    pub(crate) fn new(lifelines: Lifelines) -> io::Result<Option<Self>> {
        let parent = if lifelines.parent { parent()? } else { None };
        let is_any = lifelines.stdin || parent.is_some();
        Ok(is_any.then_some(Self { stdin: lifelines.stdin, parent }))
    }

    /// Returns which one has ended.
    pub(crate) fn ended(&mut self) -> Option<Reason> {
        if self.parent.as_ref().is_some_and(has_exited) {
            return Some(Reason::ParentExited);
        }
        (self.stdin && is_stdin_closed()).then_some(Reason::StdinClosed)
    }

    /// Waits a second, or until the last clone is dropped.
    #[allow(clippy::unused_self, reason = "the same names as on Unix")]
    pub(crate) fn wait(&self, _: &Listener) {
        thread::park_timeout(Duration::from_secs(1));
    }
}

/// Opens the parent process. Returns `None` if it has exited.
fn parent() -> io::Result<Option<OwnedHandle>> {
    // The fields of `PROCESS_BASIC_INFORMATION`. The last one is the id of the parent.
    let mut information = [0_usize; 6];
    let size = size_of_val(&information).try_into().unwrap_or(0);
    // SAFETY: the handle of the calling process is always valid, and the pointer is to so many live bytes.
    let status = unsafe {
        let (this, all) = (GetCurrentProcess(), information.as_mut_ptr().cast());
        NtQueryInformationProcess(this, ProcessBasicInformation, all, size, ptr::null_mut())
    };
    if status < 0 {
        return Err(io::Error::other(format!("status {status:#x}")));
    }
    let id = information[5].try_into().unwrap_or(0);
    let access = PROCESS_SYNCHRONIZE | PROCESS_QUERY_LIMITED_INFORMATION;
    // SAFETY: plain numbers.
    let process = unsafe { OpenProcess(access, 0, id) };
    if process.is_null() {
        let error = io::Error::last_os_error();
        let is_gone = error.raw_os_error() == i32::try_from(ERROR_INVALID_PARAMETER).ok();
        return if is_gone { Ok(None) } else { Err(error) };
    }
    // SAFETY: the system just made it, and nothing else knows it.
    let process = unsafe { OwnedHandle::from_raw_handle(process) };
    // The id may be used again, by a process that is younger than this one.
    // SAFETY: the handle of the calling process is always valid.
    let is_older = started(process.as_raw_handle()) <= started(unsafe { GetCurrentProcess() });
    Ok(Some(process).filter(|process| is_older && !has_exited(process)))
}

fn started(process: HANDLE) -> (u32, u32) {
    let [mut started, mut others @ ..] = [FILETIME::default(); 4];
    let [exited, kernel, user] = others.each_mut().map(ptr::from_mut);
    // SAFETY: the handle is open, and the pointers are to live values.
    unsafe { GetProcessTimes(process, &raw mut started, exited, kernel, user) };
    (started.dwHighDateTime, started.dwLowDateTime)
}

fn has_exited(process: &OwnedHandle) -> bool {
    // SAFETY: the handle is open.
    unsafe { WaitForSingleObject(process.as_raw_handle(), 0) == WAIT_OBJECT_0 }
}

/// Whether it is a pipe without a writer and without a byte to read.
fn is_stdin_closed() -> bool {
    // SAFETY: an invalid handle is an error, and no pointer is to anything.
    unsafe {
        let stdin = GetStdHandle(STD_INPUT_HANDLE);
        let none = ptr::null_mut();
        PeekNamedPipe(stdin, ptr::null_mut(), 0, none, none, none) == 0
            && GetLastError() == ERROR_BROKEN_PIPE
    }
}
