//! System calls.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::thread::JoinHandleExt;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use std::{fs, mem, process, ptr, thread};

use super::BOUND;

pub(crate) fn pid(process: &process::Child) -> i32 {
    process.id().try_into().expect("a pid")
}

pub(crate) fn kill(pid: i32, signal: i32) {
    assert!(pid > 0, "one process, not a group of them");
    // SAFETY: plain numbers.
    let result = unsafe { libc::kill(pid, signal) };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
}

/// Delivers `signal` to this thread. The handler has run when it returns.
pub(crate) fn raise(signal: i32) {
    // SAFETY: a plain number.
    assert_eq!(unsafe { libc::raise(signal) }, 0);
}

/// Keeps this thread, and those that it starts, on one processor.
#[cfg(target_os = "linux")]
pub(crate) fn stay_on_one_processor() {
    // SAFETY: zeroes are a valid set, an empty one, and the pointer is to a live one.
    unsafe {
        let mut set: libc::cpu_set_t = mem::zeroed();
        let current = libc::sched_getcpu().try_into().expect("a processor");
        libc::CPU_SET(current, &mut set);
        assert_eq!(libc::sched_setaffinity(0, size_of_val(&set), &raw const set), 0);
    }
}

/// From now on this thread only runs while no other one wants its processor.
#[cfg(target_os = "linux")]
pub(crate) fn let_others_run_first() {
    // SAFETY: zeroes are valid parameters, and the pointer is to live ones.
    unsafe {
        let parameters: libc::sched_param = mem::zeroed();
        // musl's `sched_setscheduler` only fails.
        let set = libc::SYS_sched_setscheduler;
        assert_eq!(libc::syscall(set, 0, libc::SCHED_IDLE, &raw const parameters), 0);
    }
}

/// Delivers `signal` to another thread of this process.
pub(crate) fn interrupt<T>(thread: &JoinHandle<T>, signal: i32) {
    // musl's `pthread_t` is a pointer, and std has a number for it.
    let id = thread.as_pthread_t() as libc::pthread_t;
    // SAFETY: the thread has not been joined, so its id is valid.
    assert_eq!(unsafe { libc::pthread_kill(id, signal) }, 0);
}

/// The process whose parent is `pid`.
pub(crate) fn child_of(pid: i32) -> Option<i32> {
    let parent = |process: &i32| Some(stat(*process)?.1);
    fs::read_dir("/proc")
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .find(|process| parent(process) == Some(pid))
}

/// Returns whether a process is in this state: `S` sleeps, `T` is stopped.
pub(crate) fn is_in_state(process: i32, state: char) -> bool {
    stat(process).is_some_and(|(now, _)| now == state)
}

/// Returns the state of a process, and its parent.
fn stat(process: i32) -> Option<(char, i32)> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // pid (name) state ppid …, and the name may hold anything
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

/// Has all signals do what they do by default. Async-signal-safe.
pub(crate) fn inherit_nothing() {
    // SAFETY: zeroes are a valid set, an empty one, and the pointers are to a live one.
    unsafe {
        for signal in 1..32 {
            libc::signal(signal, libc::SIG_DFL); // an error for SIGKILL and SIGSTOP
        }
        let mut set: libc::sigset_t = mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const set, ptr::null_mut());
    }
}

/// Async-signal-safe.
pub(crate) fn ignore(signals: &[i32]) {
    for &signal in signals {
        // SAFETY: `SIG_IGN` is a handler.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
}

/// Async-signal-safe.
pub(crate) fn block(signals: &[i32]) {
    // SAFETY: zeroes are a valid set, and the pointers are to a live one.
    unsafe {
        let mut set: libc::sigset_t = mem::zeroed();
        libc::sigemptyset(&raw mut set);
        for &signal in signals {
            libc::sigaddset(&raw mut set, signal);
        }
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, ptr::null_mut());
    }
}

/// Makes standard error the terminal of this process: Ctrl-C is for it. Async-signal-safe.
pub(crate) fn control_terminal() {
    // SAFETY: plain numbers.
    unsafe {
        libc::setsid();
        libc::ioctl(2, libc::TIOCSCTTY as _, 0); // its type differs
    }
}

/// A pseudo terminal: the end where keys are typed, and the end of the program.
pub(crate) fn open_terminal() -> (File, OwnedFd) {
    let (mut ours, mut its) = (-1, -1);
    // SAFETY: it writes the two descriptors, which have no other owner.
    let ends = unsafe {
        let none = ptr::null_mut();
        let result = libc::openpty(&raw mut ours, &raw mut its, none, none.cast(), none.cast());
        assert_eq!(result, 0);
        (File::from_raw_fd(ours), OwnedFd::from_raw_fd(its))
    };
    for fd in [ours, its] {
        // SAFETY: plain numbers. Another child must not inherit them.
        assert_eq!(unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) }, 0);
    }
    ends
}

/// Makes an open descriptor of this process another one.
pub(crate) fn replace(old: BorrowedFd<'_>, new: &OwnedFd) {
    // SAFETY: both are open, and the standard library does not mind.
    assert!(unsafe { libc::dup2(new.as_raw_fd(), old.as_raw_fd()) } >= 0);
}

/// Writing to it is `EPIPE`.
pub(crate) fn closed_pipe() -> OwnedFd {
    let (_, write) = UnixStream::pair().unwrap();
    write.into()
}

/// Writing to it never returns.
pub(crate) fn full_pipe() -> OwnedFd {
    let (read, mut write) = UnixStream::pair().unwrap();
    mem::forget(read);
    write.set_nonblocking(true).unwrap();
    while write.write(&[0; 4096]).is_ok() {}
    write.set_nonblocking(false).unwrap();
    write.into()
}

/// The status of a forked child that did all it had to.
pub(crate) const CHILD_RETURNED: i32 = 77;

/// Forks without exec. The child has none of its parent's other threads, runs `child` and ends.
pub(crate) fn fork(child: impl FnOnce()) -> i32 {
    // SAFETY: what the cases do in the child works without the other threads.
    match unsafe { libc::fork() } {
        0 => {
            child();
            // SAFETY: ends the child without its parent's destructors.
            unsafe { libc::_exit(CHILD_RETURNED) }
        }
        pid => pid,
    }
}

/// Sleeps until a signal ends the process.
pub(crate) fn pause() -> ! {
    loop {
        // SAFETY: waits, no more.
        unsafe { libc::pause() };
    }
}

/// Keeps a processor busy until the process ends.
pub(crate) fn spin() -> ! {
    loop {
        std::hint::spin_loop();
    }
}

/// Waits for a forked child, and kills it where it does not end.
pub(crate) fn wait_for(pid: i32) -> i32 {
    let deadline = Instant::now() + BOUND;
    let mut status = 0;
    // SAFETY: the pointer is to a live integer.
    while unsafe { libc::waitpid(pid, &raw mut status, libc::WNOHANG) } == 0 {
        if Instant::now() > deadline {
            kill(pid, libc::SIGKILL);
        }
        thread::sleep(Duration::from_millis(2));
    }
    status
}

/// The signal that a wait status speaks of.
pub(crate) fn died_by(status: i32) -> Option<i32> {
    libc::WIFSIGNALED(status).then(|| libc::WTERMSIG(status))
}

/// How many descriptors are open.
pub(crate) fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").expect("proc").count()
}

/// How many threads there are.
pub(crate) fn threads() -> usize {
    fs::read_dir("/proc/self/task").expect("proc").count()
}

/// Sets the soft limit of a resource and returns the one before.
pub(crate) fn limit(resource: Resource, soft: libc::rlim_t) -> libc::rlim_t {
    // SAFETY: zeroes are a valid limit, and the pointers are to a live one.
    unsafe {
        let mut limit: libc::rlimit = mem::zeroed();
        assert_eq!(libc::getrlimit(resource, &raw mut limit), 0);
        let before = mem::replace(&mut limit.rlim_cur, soft);
        assert_eq!(libc::setrlimit(resource, &raw const limit), 0);
        before
    }
}

/// Leaves no room for the stack of another thread. Returns the limit before.
pub(crate) fn refuse_threads() -> libc::rlim_t {
    let statm = fs::read_to_string("/proc/self/statm").expect("proc");
    let pages: libc::rlim_t = statm.split(' ').next().expect("a size").parse().expect("a number");
    let before = limit(libc::RLIMIT_AS, pages * 4096 + 1_000_000);
    assert!(thread::Builder::new().spawn(|| {}).is_err(), "no thread any more");
    before
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) type Resource = libc::__rlimit_resource_t;
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) type Resource = libc::c_int;

/// The lowest descriptor that is not open.
pub(crate) fn free_descriptor() -> libc::rlim_t {
    // SAFETY: makes a descriptor that nobody else knows, and closes it.
    unsafe {
        let free = libc::dup(1);
        assert_eq!(libc::close(free), 0);
        free.try_into().expect("a descriptor")
    }
}

/// The handler of a signal.
pub(crate) fn disposition(signal: i32) -> libc::sighandler_t {
    // SAFETY: zeroes are a valid `sigaction`, and the pointer is to a live one.
    unsafe {
        let mut current: libc::sigaction = mem::zeroed();
        assert_eq!(libc::sigaction(signal, ptr::null(), &raw mut current), 0);
        current.sa_sigaction
    }
}

/// Gives up the rights of root, if the process has them.
pub(crate) fn become_nobody() {
    const NOBODY: libc::uid_t = 65534;
    // SAFETY: plain numbers.
    unsafe {
        if libc::geteuid() == 0 {
            assert_eq!(libc::setuid(NOBODY), 0);
        }
    }
}

/// The time of `CLOCK_MONOTONIC`.
pub(crate) fn monotonic() -> Duration {
    // SAFETY: zeroes are a valid time, and the pointer is to a live one.
    let time = unsafe {
        let mut time: libc::timespec = mem::zeroed();
        assert_eq!(libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time), 0);
        time
    };
    Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
}
