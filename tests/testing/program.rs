use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};
use std::{iter, thread};

use signoff::Signal;

/// Far more than anything takes, even on a busy machine.
const BOUND: Duration = Duration::from_secs(30);

/// A running program. It is killed if the test fails.
pub struct Program {
    child: Child,
    lines: Receiver<String>,
}

impl Program {
    pub fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let (sender, lines) = mpsc::channel();
        read(child.stdout.take().expect("a pipe"), sender.clone());
        read(child.stderr.take().expect("a pipe"), sender);
        Self { child, lines }
    }

    /// Waits for a line of output that contains this text.
    #[track_caller]
    pub fn expect(&self, text: &str) -> String {
        let line = self.output().find(|line| line.contains(text));
        line.unwrap_or_else(|| panic!("the program does not print {text:?}"))
    }

    pub fn send(&self, signal: Signal) {
        signal.send(self.child.id()).expect("the program runs");
    }

    /// Waits for the exit. Returns the status and the rest of the output.
    #[track_caller]
    pub fn exit(mut self) -> (ExitStatus, Vec<String>) {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a status") {
                return (status, self.output().collect());
            }
            assert!(start.elapsed() < BOUND, "the program does not exit");
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn output(&self) -> impl Iterator<Item = String> {
        iter::from_fn(|| self.lines.recv_timeout(BOUND).ok())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended
        let _ = self.child.wait();
    }
}

fn read(output: impl Read + Send + 'static, lines: Sender<String>) {
    let mut output = BufReader::new(output).lines().map_while(Result::ok);
    thread::spawn(move || output.try_for_each(|line| lines.send(line)));
}
