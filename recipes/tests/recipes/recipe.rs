//! A recipe that runs in a process of its own.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

/// Far more than anything here takes.
pub const BOUND: Duration = Duration::from_secs(60);

/// It does not outlive the test.
pub struct Recipe {
    process: Child,
    lines: Receiver<String>,
    errors: Receiver<String>,
}

/// How a recipe ended.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    /// The lines on standard output that the test has not read before.
    pub lines: Vec<String>,
    /// The report on standard error.
    pub report: Vec<String>,
}

impl Recipe {
    pub fn start(path: &str, arguments: &[&str]) -> Self {
        Self::run(Command::new(path).args(arguments))
    }

    pub fn run(command: &mut Command) -> Self {
        Self::run_with(command, Stdio::null())
    }

    pub fn run_with(command: &mut Command, input: impl Into<Stdio>) -> Self {
        Self::spawn(command.stdin(input))
    }

    /// With an input that the test writes.
    pub fn run_with_input(command: &mut Command) -> (Self, ChildStdin) {
        let mut recipe = Self::spawn(command.stdin(Stdio::piped()));
        let input = recipe.process.stdin.take().expect("a pipe");
        (recipe, input)
    }

    fn spawn(command: &mut Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().expect("it was built");
        let lines = lines(process.stdout.take().expect("a pipe"));
        let errors = self::lines(process.stderr.take().expect("a pipe"));
        Self { process, lines, errors }
    }

    /// Waits for a line on standard output; returns what follows this beginning of it.
    #[track_caller]
    pub fn wait_for(&self, start: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(BOUND).expect("another line");
            if let Some(rest) = line.strip_prefix(start) {
                return rest.to_owned();
            }
        }
    }

    /// Waits for a line that contains this; returns it.
    #[track_caller]
    pub fn wait_for_part(&self, part: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(BOUND).expect("another line");
            if line.contains(part) {
                return line;
            }
        }
    }

    /// Sends a signal.
    pub fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.process.id());
        let status = Command::new("sh").args(["-c", &kill]).status().expect("a shell");
        assert!(status.success(), "{kill}");
    }

    #[track_caller]
    pub fn end(mut self) -> Ended {
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.process.try_wait().expect("its status") {
                break status;
            }
            assert!(start.elapsed() < BOUND, "it still runs");
            thread::sleep(Duration::from_millis(5));
        };
        Ended { status, lines: self.lines.iter().collect(), report: self.errors.iter().collect() }
    }
}

impl Drop for Recipe {
    fn drop(&mut self) {
        let _ = self.process.kill(); // it may have ended
        let _ = self.process.wait();
    }
}

impl Ended {
    /// The status is 0.
    #[track_caller]
    pub fn assert_clean(&self) {
        assert_eq!(self.status.code(), Some(0), "{self:#?}");
        self.assert_quiet();
    }

    /// Every hook is done, so there is no report. A slow machine may have seen what it waits for.
    #[track_caller]
    pub fn assert_quiet(&self) {
        assert!(self.report.iter().all(|line| line.starts_with("waiting for ")), "{self:#?}");
    }

    /// The number at the start of the line that ends like this.
    #[track_caller]
    pub fn number_of(&self, what: &str) -> usize {
        let numbers = self.lines.iter().filter_map(|line| line.strip_suffix(what));
        let numbers: Vec<_> = numbers.map(|number| number.trim_end().parse()).collect();
        let [Ok(number)] = numbers[..] else { panic!("no number of {what}: {self:#?}") };
        number
    }
}

/// What a process prints, line by line, as it comes.
fn lines(output: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    let mut lines = BufReader::new(output).lines().map_while(Result::ok);
    thread::spawn(move || lines.try_for_each(|line| sender.send(line)));
    receiver
}
