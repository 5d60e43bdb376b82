//! What only Linux has.

use std::path::PathBuf;
use std::time::Duration;
use std::{fs, mem, ptr, thread};

use super::system::{become_nobody, limit, pause};

/// Runs `f` while the system refuses every thread. Root may start as many as it likes.
pub(crate) fn without_threads<T>(f: impl FnOnce() -> T) -> T {
    become_nobody();
    let generous = limit(libc::RLIMIT_NPROC, 0);
    assert!(thread::Builder::new().spawn(|| ()).is_err(), "no thread is left");
    let result = f();
    limit(libc::RLIMIT_NPROC, generous);
    result
}

/// Starts a process that shares the memory of this one, as `vfork` does, and sleeps until a signal
/// ends it.
pub(crate) fn sleeping_clone() -> i32 {
    extern "C" fn sleep(_: *mut libc::c_void) -> libc::c_int {
        pause()
    }
    let stack = vec![0_u128; 16 * 1024].leak();
    // SAFETY: the stack is never freed, and the process only sleeps.
    let pid = unsafe {
        let top = stack.as_mut_ptr_range().end.cast();
        libc::clone(sleep, top, libc::CLONE_VM | libc::SIGCHLD, ptr::null_mut())
    };
    assert!(pid > 0, "{}", std::io::Error::last_os_error());
    pid
}

/// The processor time that this thread has used.
pub(crate) fn cpu_time() -> Duration {
    clock(libc::CLOCK_THREAD_CPUTIME_ID)
}

fn clock(clock: libc::clockid_t) -> Duration {
    // SAFETY: zeroes are a valid `timespec`, and the pointer is to a live one.
    unsafe {
        let mut time: libc::timespec = mem::zeroed();
        assert_eq!(libc::clock_gettime(clock, &raw mut time), 0);
        let seconds = time.tv_sec.try_into().expect("not negative");
        Duration::new(seconds, time.tv_nsec.try_into().expect("less than a second"))
    }
}

/// The processor time that this process has used.
pub(crate) fn process_cpu_time() -> Duration {
    clock(libc::CLOCK_PROCESS_CPUTIME_ID)
}

/// Queues `signal` to this process with a value, as `sigqueue` does.
pub(crate) fn queue(signal: i32) {
    let value = libc::sigval { sival_ptr: ptr::null_mut() };
    // SAFETY: plain numbers.
    assert_eq!(unsafe { libc::sigqueue(libc::getpid(), signal, value) }, 0);
}

/// A timer sends `signal` to this process in a moment.
pub(crate) fn signal_by_timer(signal: i32) {
    // SAFETY: zeroes are valid values, and the pointers are to live ones.
    unsafe {
        let mut event: libc::sigevent = mem::zeroed();
        event.sigev_notify = libc::SIGEV_SIGNAL;
        event.sigev_signo = signal;
        let mut timer: libc::timer_t = mem::zeroed();
        // The second one: an id of 0 looks like no sender.
        for _ in 0..2 {
            let result = libc::timer_create(libc::CLOCK_MONOTONIC, &raw mut event, &raw mut timer);
            assert_eq!(result, 0);
        }
        let mut soon: libc::itimerspec = mem::zeroed();
        soon.it_value.tv_nsec = 1;
        assert_eq!(libc::timer_settime(timer, 0, &raw const soon, ptr::null_mut()), 0);
    }
}

/// Whether a program that this process starts would inherit the descriptor.
pub(crate) fn is_inherited(fd: i32) -> bool {
    // SAFETY: a plain number.
    let flags = unsafe { libc::fcntl(fd, libc::F_GETFD) };
    flags >= 0 && flags & libc::FD_CLOEXEC == 0
}

pub(crate) fn is_open(fd: i32) -> bool {
    // SAFETY: a plain number.
    unsafe { libc::fcntl(fd, libc::F_GETFD) >= 0 }
}

/// Standard output, closed until this is dropped.
pub(crate) struct ClosedOutput(i32);

impl ClosedOutput {
    pub(crate) fn new() -> Self {
        // SAFETY: plain numbers. The tests write to standard output through `say` only.
        unsafe {
            let saved = libc::fcntl(1, libc::F_DUPFD_CLOEXEC, 3);
            assert!(saved >= 3);
            assert_eq!(libc::close(1), 0);
            Self(saved)
        }
    }

    /// Tells the parent how far this process has come.
    pub(crate) fn say(&self, line: &str) {
        let line = format!("\n@{line}\n");
        // SAFETY: the pointer is to so many live bytes.
        let written = unsafe { libc::write(self.0, line.as_ptr().cast(), line.len()) };
        assert_eq!(usize::try_from(written), Ok(line.len()));
    }
}

impl Drop for ClosedOutput {
    fn drop(&mut self) {
        // SAFETY: plain numbers.
        unsafe {
            assert_eq!(libc::dup2(self.0, 1), 1);
            libc::close(self.0);
        }
    }
}

/// The folder of the only thread of this name.
fn thread_folder(name: &str) -> Option<PathBuf> {
    let threads = fs::read_dir("/proc/self/task").expect("proc");
    let mut threads = threads.map(|entry| entry.expect("proc").path());
    let is_named = |path: &PathBuf| {
        fs::read_to_string(path.join("comm")).is_ok_and(|found| found.trim_end() == name)
    };
    threads.find(is_named)
}

/// Whether there is a thread of this name.
pub(crate) fn is_running(name: &str) -> bool {
    thread_folder(name).is_some()
}

/// Whether the thread of this name sleeps in a system call.
pub(crate) fn is_asleep(name: &str) -> bool {
    let stat = thread_folder(name).and_then(|folder| fs::read_to_string(folder.join("stat")).ok());
    stat.is_some_and(|stat| stat.rsplit_once(')').is_some_and(|(_, rest)| rest.starts_with(" S")))
}

/// The id of the only thread of this name.
fn thread_id(name: &str) -> Option<i32> {
    let folder = thread_folder(name)?;
    Some(folder.file_name().and_then(|id| id.to_str()?.parse().ok()).expect("a number"))
}

/// From now on the thread of this name runs only while no other one wants its processor, which is
/// the one of the calling thread. Does nothing if there is no such thread.
pub(crate) fn starve_named(name: &str) {
    let Some(id) = thread_id(name) else { return };
    // SAFETY: zeroes are valid parameters and a valid set, and the pointers are to live ones.
    unsafe {
        let parameters: libc::sched_param = mem::zeroed();
        // musl's `sched_setscheduler` only fails.
        let set = libc::SYS_sched_setscheduler;
        assert_eq!(libc::syscall(set, id, libc::SCHED_IDLE, &raw const parameters), 0);
        let mut processor: libc::cpu_set_t = mem::zeroed();
        libc::CPU_SET(libc::sched_getcpu().try_into().expect("a processor"), &mut processor);
        let set = libc::sched_setaffinity(id, size_of_val(&processor), &raw const processor);
        assert_eq!(set, 0);
    }
}

/// Sends `signal` to the thread of this name.
pub(crate) fn interrupt_named(name: &str, signal: i32) {
    let id = thread_id(name).expect("there is such a thread");
    // SAFETY: plain numbers.
    assert_eq!(unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), id, signal) }, 0);
}
