//! A supervisor: it starts commands, passes signals on to them, and leaves none of their processes behind.

#[cfg(unix)]
use unix::main;

#[cfg(unix)]
mod unix {
    use std::error::Error;
    use std::os::unix::process::CommandExt;
    use std::process::{Child, Command};
    use std::sync::{Arc, Mutex, PoisonError};
    use std::time::{Duration, Instant};
    use std::{env, io, thread};

    use signoff::hooks::HookContext;
    use signoff::{Blocking, Hooks, Reason, ShutdownSignal, Signal, Signals};

    const KILL: Signal = Signal::from_raw(9);
    const CHILD: Signal = Signal::from_raw(if cfg!(target_os = "linux") { 17 } else { 20 });

    pub fn main() -> Result<(), Box<dyn Error>> {
        let shutdown = ShutdownSignal::listen(Blocking)?;
        let mut signals =
            Signals::new([Signal::Hangup, CHILD]).even_if_ignored().stream(Blocking)?;
        let mut arguments = env::args().skip(1);
        let seconds = arguments.next().ok_or("usage: supervisor SECONDS COMMAND…")?.parse()?;
        let mut hooks = Hooks::new().budget(Duration::from_secs(seconds));
        let mut commands = Vec::new();
        for line in arguments {
            let command = Arc::new(Supervised::start(&line)?);
            commands.push(Arc::clone(&command));
            hooks = hooks.blocking_with(line, move |context| command.stop(&context));
        }
        let _guard = hooks.exit_on(shutdown.clone()).start()?; // it exits the process

        loop {
            let signal = signals.wait();
            for command in &commands {
                match command.ended() {
                    // If one ends, the others are stopped.
                    Some(status) if !shutdown.is_requested() => _ = shutdown.fail(status),
                    None if signal != CHILD => _ = command.send(signal), // it may have just ended
                    _ => {}
                }
            }
        }
    }

    /// A command that is the first process of a group: Ctrl-C in a terminal does not reach it.
    struct Supervised {
        line: String,
        child: Mutex<Child>,
        group: u32,
    }

    impl Supervised {
        fn start(line: &str) -> io::Result<Self> {
            // Without the trap, the shell would exit before its commands do.
            let script = format!("trap : TERM INT HUP; {line}");
            let child = Command::new("sh").args(["-c", &script]).process_group(0).spawn()?;
            let group = child.id();
            Ok(Self { line: line.into(), child: Mutex::new(child), group })
        }

        fn send(&self, signal: Signal) -> io::Result<()> {
            signal.send_to_group(self.group)
        }

        fn ended(&self) -> Option<String> {
            match self.child.lock().unwrap_or_else(PoisonError::into_inner).try_wait() {
                Ok(None) => None,
                Ok(Some(status)) => Some(format!("{}: {status}", self.line)),
                Err(error) => Some(error.to_string()),
            }
        }

        /// Passes the signal on, and kills what is left of the group shortly before the deadline.
        fn stop(&self, context: &HookContext) -> io::Result<()> {
            let signal = match context.reason() {
                Some(Reason::Signal { signal, .. }) => *signal,
                _ => Signal::Terminate,
            };
            if self.ended().is_none() {
                self.send(signal)?;
            }
            let start = Instant::now();
            let patience = context.time_left().map_or(Duration::MAX, |left| left.mul_f32(0.9));
            while self.ended().is_none() {
                if start.elapsed() > patience {
                    self.send(KILL)?;
                    return Err(io::Error::other("killed: it did not stop in time"));
                }
                thread::sleep(Duration::from_millis(10));
            }
            let _ = self.send(KILL); // an error if no process is left
            Ok(())
        }
    }

    /// If a later command does not start.
    impl Drop for Supervised {
        fn drop(&mut self) {
            let _ = self.send(KILL);
        }
    }
}

#[cfg(not(unix))]
fn main() {
    eprintln!("process groups are of Unix");
}
