//! Signals for other processes, and for this one.

use std::io;

use crate::listen::os;
use crate::signal::Signal;

impl Signal {
    /// Ends the process by the signal, as if the program did not handle it.
    ///
    /// It is for a program that has done its cleanup without hooks: a shell's loop around it stops, which
    /// an exit status of 130 does not achieve. No destructor and no `atexit` function runs, and nothing is
    /// flushed. This needs a feature with a backend: `tokio`, `async-std`, `smol` or `blocking`.
    ///
    /// If that is not possible, the status is 128 + the number of the signal: for process 1 of a container,
    /// and for signals that do not end a process. On Windows it is 0xC000013A.
    ///
    /// ```no_run
    /// use signoff::{Reason, ShutdownSignal};
    ///
    /// # let shutdown = ShutdownSignal::manual();
    /// if let Reason::Signal { signal, .. } = shutdown.wait() {
    ///     // clean up
    ///     signal.exit();
    /// }
    /// ```
    pub fn exit(self) -> ! {
        os::exit::by_signal(self)
    }
}

#[cfg(unix)]
impl Signal {
    /// Sends the signal to a process, for example to a child that should stop.
    ///
    /// This needs a feature with a backend: `tokio`, `async-std`, `smol` or `blocking`.
    ///
    /// std and tokio can only send `SIGKILL`. [This page](crate::guide::child_processes) has hooks
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

    /// Sends the signal to every process of a group.
    ///
    /// A child that was started with `process_group(0)` has a group of its own, with the id of the child:
    /// Ctrl-C does not reach it, and a signal to the group also reaches the processes that it has started.
    /// This needs a feature with a backend: `tokio`, `async-std`, `smol` or `blocking`.
    ///
    /// ```
    /// use std::os::unix::process::{CommandExt, ExitStatusExt};
    /// use std::process::Command;
    /// use signoff::Signal;
    ///
    /// let mut child = Command::new("sh").args(["-c", "sleep 60 | cat"]).process_group(0).spawn()?;
    /// Signal::Terminate.send_to_group(child.id())?;
    /// assert_eq!(child.wait()?.signal(), Some(Signal::Terminate.as_raw()));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send). Returns [`InvalidInput`](io::ErrorKind::InvalidInput) for 0, the group of
    /// the caller, and for 1, which `kill(2)` would take for all processes.
    pub fn send_to_group(self, group: u32) -> io::Result<()> {
        match i32::try_from(group) {
            Ok(group @ 2..) => os::kill(-group, self.as_raw()),
            _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "not the id of a process group")),
        }
    }
}
