//! Signals for other processes.

use std::io;

use crate::listen::os;
use crate::signal::Signal;

impl Signal {
    /// Sends the signal to a process, for example to a child that should stop.
    ///
    /// This needs a feature with a backend: `tokio`, `async-std`, `smol` or `blocking`.
    ///
    /// std and tokio can only send `SIGKILL`. [The page of the hooks](crate::hooks#child-processes) has hooks
    /// that stop a child.
    ///
    /// ```
    /// use std::{os::unix::process::ExitStatusExt, process::Command};
    /// use signoff::Signal;
    ///
    /// let mut child = Command::new("sleep").arg("60").spawn()?;
    /// Signal::Terminate.send(child.id())?;
    /// assert_eq!(child.wait()?.signal(), Some(Signal::Terminate.as_raw()));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// Send it only to a child that you have not waited for: later, its id can be that of another
    /// process. `std::process::Child::try_wait` counts as waiting if it returns a status.
    ///
    /// # Errors
    ///
    /// Returns the error of `kill(2)`: there is no such process, or this one must not signal it. Returns
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for an id that no process can have, such as 0, which
    /// `kill(2)` would take for the process group of the caller.
    pub fn send(self, process: u32) -> io::Result<()> {
        match i32::try_from(process) {
            Ok(process @ 1..) => os::kill(process, self.as_raw()),
            _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "not the id of a process")),
        }
    }
}
