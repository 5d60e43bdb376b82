//! The terminal that controls the process: who has its foreground, and how a process leaves it.
//!
//! A process leaves it when it exits, also from a signal handler. So `leave` is async-signal-safe: what it
//! needs is in statics, it writes to a descriptor that never blocks, even after Ctrl-S, and SIGTTOU does
//! not stop it. It changes nothing in a forked child, which leaves the terminal to its parent.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{mem, process};

use super::without_ttou;
use crate::util::owner::Owner;

/// The process whose view is below the cursor. Relaxed: no other data depends on it.
static HAS_VIEW: AtomicU32 = AtomicU32::new(NO_PROCESS);

const NO_PROCESS: u32 = 0;

/// What `restore` restores. Reading a `OnceLock` is one load.
static SAVED: OnceLock<Saved> = OnceLock::new();

struct Saved {
    modes: libc::termios,
    owner: Owner,
}

const ERASE_BELOW: &[u8] = b"\x1b[J";

/// The main screen, a visible cursor, no events of mouse and focus, no marks around pasted text. Not 1049,
/// which would move the cursor of a program that has left the other screen.
const RESET: &[u8] = b"\x1b[?1047l\x1b[?25h\
    \x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1004l\x1b[?1006l\x1b[?2004l";

/// Returns whether the process is in the foreground of the terminal on standard error.
pub(crate) fn is_in_foreground() -> bool {
    has_foreground_of(libc::STDERR_FILENO)
}

/// Returns whether another job is in the foreground of that terminal.
pub(crate) fn is_in_background() -> bool {
    // SAFETY: plain numbers.
    let group = unsafe { libc::tcgetpgrp(libc::STDERR_FILENO) };
    group >= 0 && !is_in_foreground()
}

/// Returns whether Ctrl-C on that terminal is a signal for this process. In raw mode it is a character.
pub(crate) fn has_ctrl_c() -> bool {
    let is_signal = |modes: libc::termios| modes.c_lflag & libc::ISIG != 0;
    is_in_foreground() && modes_of(libc::STDERR_FILENO).is_some_and(is_signal)
}

/// Sets whether there is a view below the cursor, for `leave` to erase.
pub(crate) fn set_view(has_view: bool) {
    let process = if has_view && open().is_some() { process::id() } else { NO_PROCESS };
    HAS_VIEW.store(process, Ordering::Relaxed);
}

pub(crate) fn has_view() -> bool {
    HAS_VIEW.load(Ordering::Relaxed) == process::id()
}

/// Has `restore` restore the modes that the terminal has now, if it is on standard input. The first call
/// counts. In the background these are the modes of another program, and are not kept.
pub(crate) fn save_modes() {
    if let (true, Some(terminal)) = (has_foreground_of(libc::STDIN_FILENO), open()) {
        let saved = modes_of(terminal).map(|modes| Saved { modes, owner: Owner::current() });
        saved.map(|saved| SAVED.get_or_init(|| saved));
    }
}

/// The process is about to exit: erases the view, and restores the modes. Async-signal-safe.
pub(crate) fn leave() {
    if let Some(terminal) = opened().filter(|_| has_view()) {
        write(terminal, ERASE_BELOW);
    }
    restore();
}

/// Restores the modes of the terminal, the main screen and the cursor, if the modes are not those that were
/// saved. Async-signal-safe.
pub(crate) fn restore() {
    let Some(terminal) = opened().filter(|&terminal| has_foreground_of(terminal)) else { return };
    let Some(saved) = SAVED.get().filter(|saved| saved.owner.is_current()) else { return };
    if modes_of(terminal).is_some_and(|now| !are_equal(&now, &saved.modes)) {
        write(terminal, RESET);
        // SAFETY: the pointer is to live modes.
        without_ttou(|| unsafe {
            libc::tcsetattr(terminal, libc::TCSANOW, &raw const saved.modes);
        });
    }
}

/// The terminal. Never closed, because a handler may be about to use it.
static TERMINAL: OnceLock<Option<i32>> = OnceLock::new();

fn open() -> Option<i32> {
    // A write to this descriptor never blocks, unlike one to standard error.
    const FLAGS: i32 = libc::O_RDWR | libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_CLOEXEC;
    // SAFETY: the path is a string that ends with a zero.
    let open = || Some(unsafe { libc::open(c"/dev/tty".as_ptr(), FLAGS) }).filter(|&fd| fd >= 0);
    *TERMINAL.get_or_init(open)
}

fn opened() -> Option<i32> {
    TERMINAL.get().copied().flatten()
}

/// Errors are ignored: they could be shown nowhere.
fn write(terminal: i32, text: &[u8]) {
    // SAFETY: the pointer is to so many live bytes.
    without_ttou(|| unsafe { libc::write(terminal, text.as_ptr().cast(), text.len()) });
}

/// False for a terminal that does not control the process, and for what is no terminal.
fn has_foreground_of(fd: i32) -> bool {
    // SAFETY: plain numbers. The result is -1 if there is no such group, which no process is in.
    unsafe { libc::tcgetpgrp(fd) == libc::getpgrp() }
}

fn modes_of(fd: i32) -> Option<libc::termios> {
    // SAFETY: zeroes are valid modes, and the pointer is to live ones.
    unsafe {
        let mut modes: libc::termios = mem::zeroed();
        (libc::tcgetattr(fd, &raw mut modes) == 0).then_some(modes)
    }
}

fn are_equal(a: &libc::termios, b: &libc::termios) -> bool {
    let flags =
        |modes: &libc::termios| (modes.c_iflag, modes.c_oflag, modes.c_cflag, modes.c_lflag);
    flags(a) == flags(b) && a.c_cc == b.c_cc
}
