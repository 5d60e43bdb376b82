//! Standard error: where the view goes.

use std::io::{self, IsTerminal, Write};

use terminal_size::{Height, Width};

/// Standard error. A write that blocks holds no lock, so it does not block what the program prints.
#[derive(Debug)]
pub(super) struct Output {
    stderr: Option<Stderr>,
    /// A terminal shows `^C` at the cursor. The first line replaces that.
    start: &'static str,
}

impl Output {
    pub(super) fn stderr() -> Self {
        let start = if io::stderr().is_terminal() { "\r" } else { "" };
        Self { stderr: stderr().ok(), start }
    }

    /// Ignores errors, which could be shown nowhere.
    pub(super) fn write(&mut self, text: &str) {
        if let Some(stderr) = &mut self.stderr {
            let text = format!("{}{text}", std::mem::take(&mut self.start));
            let _ = stderr.write_all(text.as_bytes());
        }
    }
}

#[cfg(unix)]
type Stderr = std::fs::File;

#[cfg(unix)]
fn stderr() -> io::Result<Stderr> {
    use std::os::fd::AsFd;
    Ok(io::stderr().as_fd().try_clone_to_owned()?.into())
}

/// Only this one writes Unicode to a console.
#[cfg(windows)]
type Stderr = io::Stderr;

#[cfg(windows)]
#[expect(clippy::unnecessary_wraps, reason = "its twin can fail")]
fn stderr() -> io::Result<Stderr> {
    Ok(io::stderr())
}

/// The columns and rows of a terminal.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) columns: usize,
    pub(super) rows: usize,
}

/// Returns the size of the terminal now, or what terminals had once.
pub(super) fn size() -> Size {
    let size = terminal_size::terminal_size_of(io::stderr());
    let (Width(columns), Height(rows)) = size.unwrap_or((Width(80), Height(24)));
    Size { columns: columns.into(), rows: rows.into() }
}
