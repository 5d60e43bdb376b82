//! A terminal: a pseudo terminal, and a screen that shows what programs write to it.
#![allow(dead_code, reason = "each test binary uses its own share")]
#![allow(unsafe_code, reason = "system calls")]

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use crate::common::system::open_terminal;
use crate::common::{Case, until};

pub(crate) struct Terminal {
    /// Our end.
    keyboard: File,
    /// The end of the program. Without it, the terminal would close with the program.
    program: OwnedFd,
    shown: Arc<Mutex<Shown>>,
}

/// What was written to the terminal.
struct Shown {
    parser: vt100::Parser,
    bytes: Vec<u8>,
}

impl Terminal {
    pub(crate) fn new(columns: u16, rows: u16) -> Self {
        let terminal = Self::unread(columns, rows);
        let (shown, mut ours) =
            (Arc::clone(&terminal.shown), terminal.keyboard.try_clone().unwrap());
        thread::spawn(move || {
            let mut some = [0; 4096];
            while let Ok(read @ 1..) = ours.read(&mut some) {
                shown.lock().unwrap().write(&some[..read]);
            }
        });
        terminal
    }

    /// Its screen stays empty, and a write blocks when the buffer is full.
    pub(crate) fn unread(columns: u16, rows: u16) -> Self {
        let (keyboard, program) = open_terminal();
        let shown = Shown { parser: vt100::Parser::new(rows, columns, 0), bytes: Vec::new() };
        let terminal = Self { keyboard, program, shown: Arc::new(Mutex::new(shown)) };
        terminal.resize(columns, rows);
        terminal
    }

    /// A program in front of this terminal, with colors and UTF-8.
    pub(crate) fn case(&self, case: &Case) -> Case {
        const VARS: &[&str] = &["env", "-u", "NO_COLOR", "TERM=xterm", "LC_ALL=C.UTF-8"];
        case.on_terminal(self.program.try_clone().unwrap()).under(VARS)
    }

    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        let mut shown = self.shown();
        let size = libc::winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        // SAFETY: the pointer is to a live size.
        let result =
            unsafe { libc::ioctl(self.keyboard.as_raw_fd(), libc::TIOCSWINSZ, &raw const size) };
        assert_eq!(result, 0);
        shown.parser.screen_mut().set_size(rows, columns);
    }

    /// Stops background jobs that write to it, as `stty tostop` does.
    pub(crate) fn stop_background_output(&self) {
        let fd = self.program.as_raw_fd();
        let mut modes = modes(fd);
        modes.c_lflag |= libc::TOSTOP;
        set_modes(fd, &modes);
    }

    pub(crate) fn is_cooked(&self) -> bool {
        is_cooked(self.program.as_raw_fd())
    }

    /// Stops its output, as Ctrl-S does.
    pub(crate) fn stop_output(&self) {
        // SAFETY: plain numbers.
        assert_eq!(unsafe { libc::tcflow(self.program.as_raw_fd(), libc::TCOOFF) }, 0);
    }

    /// Presses keys. Ctrl-C is `\x03`.
    pub(crate) fn press(&self, keys: &str) {
        (&self.keyboard).write_all(keys.as_bytes()).unwrap();
    }

    /// The lines of the screen, without the empty ones at its end.
    pub(crate) fn lines(&self) -> Vec<String> {
        let contents = self.shown().parser.screen().contents();
        contents.trim_end().lines().map(|line| line.trim_end().to_owned()).collect()
    }

    /// Row and column of the cursor; `None` if it is hidden.
    pub(crate) fn cursor(&self) -> Option<(u16, u16)> {
        let shown = self.shown();
        let screen = shown.parser.screen();
        (!screen.hide_cursor()).then(|| screen.cursor_position())
    }

    /// Whether its program wants events of the mouse, or marks around what is pasted.
    pub(crate) fn has_input_modes(&self) -> bool {
        let shown = self.shown();
        let screen = shown.parser.screen();
        screen.bracketed_paste() || screen.mouse_protocol_mode() != vt100::MouseProtocolMode::None
    }

    /// All that was written.
    pub(crate) fn written(&self) -> String {
        String::from_utf8(self.shown().bytes.clone()).unwrap()
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap()
    }

    /// Waits until the screen is like this.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, so: impl Fn(&[String]) -> bool) {
        let is_so = || so(&self.lines());
        let failed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| until(what, is_so)));
        assert!(failed.is_ok(), "{what}: {:#?}", self.lines());
    }

    /// Waits until the screen has a line that begins like this.
    #[track_caller]
    pub(crate) fn until_line(&self, start: &str) {
        self.until(start, |lines| lines.iter().any(|line| line.starts_with(start)));
    }
}

fn modes(fd: i32) -> libc::termios {
    // SAFETY: zeroes are valid modes, and the pointer is to live ones.
    unsafe {
        let mut modes: libc::termios = std::mem::zeroed();
        assert_eq!(libc::tcgetattr(fd, &raw mut modes), 0);
        modes
    }
}

/// Whether it collects lines and shows what is typed, as for a shell.
pub(crate) fn is_cooked(fd: i32) -> bool {
    let cooked = libc::ICANON | libc::ECHO;
    modes(fd).c_lflag & cooked == cooked
}

fn set_modes(fd: i32, modes: &libc::termios) {
    // SAFETY: the pointer is to live modes.
    assert_eq!(unsafe { libc::tcsetattr(fd, libc::TCSANOW, modes) }, 0);
}

/// In the child: sets the terminal on standard error to raw mode, or to one in which Ctrl-C and Ctrl-Z are
/// still signals.
pub(crate) fn set_raw(is_all_raw: bool) {
    let mut raw = modes(libc::STDERR_FILENO);
    // SAFETY: the pointer is to live modes.
    unsafe { libc::cfmakeraw(&raw mut raw) };
    if !is_all_raw {
        raw.c_lflag |= libc::ISIG;
    }
    set_modes(libc::STDERR_FILENO, &raw);
}

impl Shown {
    fn write(&mut self, bytes: &[u8]) {
        self.parser.process(bytes);
        self.bytes.extend_from_slice(bytes);
    }
}
