//! What happens inside a signal handler, and the system calls around it.
//!
//! The crate's only unsafe code. Everything that a handler can reach is in this file, in `repeats`
//! and in `Latch::set_by_signal`: atomics, `getpid`, `clock_gettime`, `write`, `_exit` and what
//! raises a signal again. signal-hook's registry calls it, beside the actions of everybody else, and
//! keeps `errno`.
#![allow(unsafe_code, reason = "signal handlers and the descriptors they write to are made here")]

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::process;
use std::ptr;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Instant;

use signal_hook::low_level;
use signal_hook_registry::SigId;

use crate::latch::Latch;
use crate::reason::Process;
use crate::repeats::{self, Repeats};
use crate::shutdown_signal::Shared;
use crate::options::ForcedExit;

// Invariants
//
// H1  The actions of one signal run in the order in which they were registered, and `stand_in` is
//     registered before the action of any `Line`. So a signal always meets one that answers.
// H2  `live` counts the lines that listen to a signal in the process `OWNER`. It is raised after
//     the action of the line is registered and lowered before that is unregistered.
// H3  `afterwards` is set before `live` is lowered to nothing, if the shutdown was asked for, and
//     taken back by the next `listen` that succeeds. Nobody looks at it while a line is live.
// H4  The bell is rung by the one that set the latch, after it was set, or when its line closes.
//     Nobody reads from it: once rung it stays readable, for everyone who watches.
// H5  The latch of a line is not dropped before `leave` has returned: the `Listening` that calls it
//     is a part of the same `Shared`, and the first one to be dropped, or is dropped before it in
//     a `listen` that fails. And when `leave` has returned no handler looks at the line any more:
//     the registry waits for those that run. A forked child that drops its copy leaves the action
//     in place, and that one returns before it looks. (Dropping a latch touches none of the atomics
//     that a handler does.)

/// One `listen`, as its handler sees it.
pub(crate) struct Line {
    pub(crate) shared: Weak<Shared>,
    pub(crate) notifier: Rung,
    repeats: Repeats,
    /// The process that listens: a forked child has a copy of the handler, and must leave the
    /// bell of its parent alone.
    owner: u32,
}

impl Line {
    pub(crate) fn new(shared: Weak<Shared>, forced_exit: ForcedExit) -> io::Result<Self> {
        let (notifier, repeats) = (Rung::new()?, Repeats::of(forced_exit));
        Ok(Self { shared, notifier, repeats, owner: process::id() })
    }

    /// The handler.
    fn on_signal(&self, signal: i32, sender: Option<Process>) {
        if !self.is_ours() {
            return;
        }
        self.repeats.count(signal);
        // SAFETY: the action is registered (H5).
        let latch = unsafe { self.latch() };
        if latch.set_by_signal(signal, sender) {
            self.notifier.ring(); // H4
        }
    }

    /// The latch, without raising a count: whoever lowers it again may have to free what nobody
    /// can free inside a handler.
    ///
    /// # Safety
    ///
    /// Only from `enter` until the end of `leave` (H5).
    unsafe fn latch(&self) -> &Latch {
        // SAFETY: the memory is there while the `Weak` is, and what is in it until H5 ends.
        unsafe { &(*self.shared.as_ptr()).latch }
    }

    /// Wakes everybody who waits, if the latch is set. False where it is not, and somebody may
    /// still wait for it.
    pub(crate) fn announce(&self) -> bool {
        let Some(shared) = self.shared.upgrade() else { return true };
        shared.latch.announce()
    }

    /// False in a forked child.
    pub(crate) fn is_ours(&self) -> bool {
        self.owner == process::id()
    }
}

/// The process that the counts in `SEATS` belong to.
static OWNER: AtomicU32 = AtomicU32::new(0);

/// One for each signal number.
static SEATS: [Seat; SIGNALS] = [const { Seat::new() }; SIGNALS];

/// More than any Unix has.
const SIGNALS: usize = 129;

/// Taken by whoever changes `OWNER` or a seat, never inside a handler.
static CHANGES: Mutex<()> = Mutex::new(());

/// What the process does about one signal.
struct Seat {
    /// See H2.
    live: AtomicUsize,
    /// What a signal did before the first line: `UNKNOWN` until `stand_in` is registered.
    before: AtomicU8,
    /// The repeats that count once the last line is gone in the middle of a shutdown. See H3.
    afterwards: Repeats,
}

const UNKNOWN: u8 = 0;
const DEFAULT: u8 = 1;
const IGNORED: u8 = 2;
const HANDLED: u8 = 3;

impl Seat {
    const fn new() -> Self {
        let (live, before) = (AtomicUsize::new(0), AtomicU8::new(UNKNOWN));
        Self { live, before, afterwards: Repeats::none() }
    }

    /// Registers `stand_in`, once in the life of the process.
    fn prepare(&self, signal: i32, before: u8) -> io::Result<()> {
        if self.before.swap(before, Ordering::Relaxed) != UNKNOWN {
            return Ok(());
        }
        // SAFETY: `stand_in` only does what the head of this file lists, and does not panic.
        let registered = unsafe { signal_hook_registry::register(signal, move || stand_in(signal)) };
        if registered.is_err() {
            self.before.store(UNKNOWN, Ordering::Relaxed);
        }
        registered.map(drop)
    }
}

fn seat(signal: i32) -> Option<&'static Seat> {
    SEATS.get(usize::try_from(signal).ok()?)
}

/// The handler's other half: does what a signal did before anybody listened, while nobody does.
///
/// Nobody does before the first line is complete, after the last one is gone, and in a forked
/// child. The registry itself never puts the old handler back.
fn stand_in(signal: i32) {
    let Some(seat) = seat(signal) else { return };
    let pid = process::id();
    // Relaxed: a child has the value from before the fork.
    let forked = pid != OWNER.load(Ordering::Relaxed);
    // Acquire: pairs with the release in `leave` (H3).
    if !forked && seat.live.load(Ordering::Acquire) > 0 {
        return;
    }
    if !forked && seat.afterwards.are_counted() {
        return seat.afterwards.count(signal);
    }
    // The first process of a PID namespace ignores what it does not handle.
    if seat.before.load(Ordering::Relaxed) == DEFAULT && pid != 1 {
        let unknown_default = low_level::emulate_default_handler(signal).is_err();
        if unknown_default {
            low_level::exit(128 + signal); // real-time signals: they end a process too
        }
    }
}

/// The line's place in the handlers of the process.
pub(crate) struct Registration {
    signal: i32,
    id: SigId,
}

impl Registration {
    pub(crate) fn signal(&self) -> i32 {
        self.signal
    }
}

/// What `enter` did.
pub(crate) enum Entered {
    Yes(Registration),
    /// The signal is inherited as ignored, and was left so.
    LeftIgnored,
}

/// Adds `line` to those that `signal`, which exists, reaches.
pub(crate) fn enter(signal: i32, line: &Arc<Line>, keep_ignored: bool) -> io::Result<Entered> {
    let seat = seat(signal).ok_or_else(|| io::Error::from_raw_os_error(libc::EINVAL))?;
    let _changes = CHANGES.lock().unwrap_or_else(PoisonError::into_inner);
    repeats::start_the_clock();
    own_the_seats();
    let before = match seat.before.load(Ordering::Relaxed) {
        UNKNOWN => disposition(signal)?,
        known => known,
    };
    if before == IGNORED && keep_ignored {
        return Ok(Entered::LeftIgnored);
    }
    seat.prepare(signal, before)?;
    let action = {
        let line = Arc::clone(line);
        move |info: &libc::siginfo_t| line.on_signal(signal, sender(info))
    };
    // SAFETY: `on_signal` only does what the head of this file lists, and does not panic. The
    // registry drops the action, and with it the last `Arc`, outside of any handler.
    let id = unsafe { signal_hook_registry::register_sigaction(signal, action)? };
    seat.live.fetch_add(1, Ordering::Release); // H2
    Ok(Entered::Yes(Registration { signal, id }))
}

/// A `listen` succeeded: whatever went on before it is over.
pub(crate) fn begin_anew(registrations: &[Registration]) {
    for seat in registrations.iter().filter_map(|registration| seat(registration.signal)) {
        seat.afterwards.stop(); // H3
    }
}

/// In a forked child that listens by itself, the lines of its parent do not count.
fn own_the_seats() {
    let pid = process::id();
    if OWNER.swap(pid, Ordering::Relaxed) != pid {
        for seat in &SEATS {
            seat.live.store(0, Ordering::Relaxed);
            seat.afterwards.stop();
        }
    }
}

/// Takes `line` out again: the last thing that happens to it. `held` tells whether there was ever
/// anybody who could see that the latch is set.
pub(crate) fn leave(registrations: &[Registration], line: &Line, held: bool) {
    if !line.is_ours() {
        return; // a forked child: nothing here is its own
    }
    let changes = CHANGES.lock().unwrap_or_else(PoisonError::into_inner);
    // SAFETY: not the end of `leave` yet (H5).
    let latch = unsafe { line.latch() };
    let requested = held && latch.is_set();
    for Registration { signal, id } in registrations {
        if let Some(seat) = seat(*signal) {
            if requested {
                seat.afterwards.take_over(&line.repeats); // H3
            }
            seat.live.fetch_sub(1, Ordering::Release); // H2, H3
        }
        signal_hook_registry::unregister(*id);
    }
    drop(changes);
    // A signal that came while we left has set a latch that nobody looks at.
    if let (false, Some(signal)) = (requested, latch.signal()) {
        // To the process, since this thread may block it.
        // SAFETY: plain numbers.
        unsafe { libc::kill(libc::getpid(), signal) }; // cannot fail for a signal that just came
    }
}

/// Who sent it, as far as the kernel says so.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn sender(info: &libc::siginfo_t) -> Option<Process> {
    if !matches!(info.si_code, libc::SI_USER | libc::SI_QUEUE | libc::SI_TKILL) {
        return None;
    }
    // SAFETY: with these codes the kernel has filled in both fields.
    let (pid, uid) = unsafe { (info.si_pid(), info.si_uid()) };
    // 0 is a sender outside of this PID namespace.
    u32::try_from(pid).ok().filter(|&pid| pid != 0).map(|pid| Process { pid, uid })
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn sender(_: &libc::siginfo_t) -> Option<Process> {
    None
}

/// Whether the platform has a signal of this number.
pub(crate) fn exists(signal: i32) -> bool {
    disposition(signal).is_ok()
}

/// What `signal` does at the moment.
fn disposition(signal: i32) -> io::Result<u8> {
    // SAFETY: zeroes are a valid `sigaction`, and the pointer is to a live one.
    let current = unsafe {
        let mut current: libc::sigaction = std::mem::zeroed();
        check(libc::sigaction(signal, ptr::null(), &raw mut current))?;
        current.sa_sigaction
    };
    Ok(match current {
        libc::SIG_DFL => DEFAULT,
        libc::SIG_IGN => IGNORED,
        _ => HANDLED,
    })
}

/// Lets the signals reach this thread, and with it the process, should they be blocked.
pub(crate) fn unblock(signals: impl IntoIterator<Item = i32>) {
    // SAFETY: zeroes are a valid `sigset_t`, and the pointers are to a live one.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        for signal in signals {
            libc::sigaddset(&raw mut set, signal);
        }
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const set, ptr::null_mut());
    }
}

/// A descriptor that becomes readable once and stays so.
pub(crate) struct Rung {
    pub(crate) read: OwnedFd,
    /// `None` where both ends are one.
    write: Option<OwnedFd>,
}

impl Rung {
    /// Makes it readable for ever. Async-signal-safe.
    pub(crate) fn ring(&self) {
        let write = self.write.as_ref().unwrap_or(&self.read);
        let one = 1_u64.to_ne_bytes();
        // SAFETY: the pointer is to eight live bytes. It never fails: both ends live together, and
        // what is written, once or twice, always fits.
        unsafe { libc::write(write.as_raw_fd(), one.as_ptr().cast(), one.len()) };
    }

    /// Blocks until it is readable, a signal interrupts, or the deadline is over. True where it is
    /// readable.
    pub(crate) fn wait(&self, deadline: Option<Instant>) -> bool {
        let mut watched =
            libc::pollfd { fd: self.read.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: the pointer is to one live `pollfd`.
        unsafe { libc::poll(&raw mut watched, 1, milliseconds_until(deadline)) > 0 }
    }
}

/// Rounded up, so that nobody spins through the last millisecond; -1 is for ever.
fn milliseconds_until(deadline: Option<Instant>) -> i32 {
    let Some(deadline) = deadline else { return -1 };
    let left = deadline.saturating_duration_since(Instant::now());
    i32::try_from(left.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
impl Rung {
    /// An eventfd: one descriptor, and the cheapest to ring.
    fn new() -> io::Result<Self> {
        // SAFETY: no pointers.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        check(fd.min(0))?;
        // SAFETY: the system just made it, and nobody else knows it.
        Ok(Self { read: unsafe { OwnedFd::from_raw_fd(fd) }, write: None })
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
impl Rung {
    /// A pipe.
    fn new() -> io::Result<Self> {
        let mut ends = [0; 2];
        // SAFETY: the pointer is to two live integers.
        check(unsafe { libc::pipe(ends.as_mut_ptr()) })?;
        // SAFETY: the system just made both, and nobody else knows them.
        let [read, write] = ends.map(|end| unsafe { OwnedFd::from_raw_fd(end) });
        for end in [&read, &write] {
            // SAFETY: no pointers, and the descriptor is open.
            unsafe {
                check(libc::fcntl(end.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC))?;
                check(libc::fcntl(end.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK))?;
            }
        }
        Ok(Self { read, write: Some(write) })
    }
}

fn check(result: i32) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
