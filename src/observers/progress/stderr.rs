//! What the program prints beside the view.

use std::io::{self, Write};

use crate::util::os::terminal;

/// Returns a writer to standard error that makes room for its text if the view is shown.
///
/// Logs and other lines work without it, but a short line over the view can keep the end of a line of the
/// view. Elsewhere it is [`std::io::stderr`].
///
/// ```no_run
/// tracing_subscriber::fmt().with_writer(signoff::progress::stderr).init();
/// ```
#[must_use]
pub fn stderr() -> Stderr {
    Stderr(io::stderr())
}

/// Writes to standard error, beside the view. Made by [`stderr`].
#[derive(Debug)]
pub struct Stderr(io::Stderr);

impl Write for Stderr {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        if terminal::has_view() {
            // One write: a frame cannot come between.
            self.0.write_all(&[b"\x1b[J", text].concat())?;
            return Ok(text.len());
        }
        self.0.write(text)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
