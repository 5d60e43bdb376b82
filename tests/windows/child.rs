//! A process that is this test binary once more, running one case.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::windows::process::CommandExt;
use std::process::{self, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Instant;
use std::{env, io, thread};

use super::system::{self, Delivery};
use super::{BOUND, POLL};

pub(crate) const VARIANT: &str = "SIGNOFF_TEST_VARIANT";
const CREATE_NEW_PROCESS_GROUP: u32 = 0x200;

/// In the child: which variant of the case it is.
pub(crate) fn variant() -> String {
    env::var(VARIANT).expect("a test started this")
}

/// In the child: tells the parent how far it has come.
pub(crate) fn say(line: impl std::fmt::Display) {
    let mut out = io::stdout().lock();
    writeln!(out, "\n@{line}").and_then(|()| out.flush()).expect("the parent listens");
}

/// In the child: waits until the parent calls `go_on`.
pub(crate) fn until_told() {
    let _ = io::stdin().read(&mut [0]);
}

/// In the child: runs the function of the case. Does nothing in a process that no test started.
pub(crate) fn run(case: fn()) {
    if env::var(VARIANT).is_ok() {
        case();
        say("returned");
    }
}

/// The other process. It is killed when the test gives up on it.
pub(crate) struct Child {
    process: process::Child,
    lines: Receiver<String>,
    stdin: Option<ChildStdin>,
}

impl Child {
    pub(crate) fn start(module: &str, variant: &str) -> Self {
        Self::spawn(module, variant, 0)
    }

    /// Starts it with Ctrl-C ignored.
    pub(crate) fn start_group(module: &str, variant: &str) -> Self {
        Self::spawn(module, variant, CREATE_NEW_PROCESS_GROUP)
    }

    fn spawn(module: &str, variant: &str, flags: u32) -> Self {
        let (_, path) = module.split_once("::").expect("a case is a module");
        let mut process = Command::new(env::current_exe().expect("the test binary"))
            .args(["--exact", &format!("{path}::child"), "--ignored", "--nocapture"])
            .env(VARIANT, variant)
            .creation_flags(flags)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the test binary starts again");
        let lines = lines(process.stdout.take().expect("piped"));
        Self { stdin: process.stdin.take(), process, lines }
    }

    pub(crate) fn send(&self, event: u32) -> Delivery {
        system::send(&self.process, event)
    }

    /// Sends an event that cannot be taken for the same press as one that came before.
    pub(crate) fn send_again(&self, event: u32) -> Delivery {
        thread::sleep(super::ANOTHER_PRESS);
        self.send(event)
    }

    #[track_caller]
    pub(crate) fn expect(&self, line: &str) {
        assert_eq!(self.lines.recv_timeout(BOUND).as_deref(), Ok(line));
    }

    /// Ends `until_told` in the child.
    pub(crate) fn go_on(&mut self) {
        self.stdin = None;
    }

    /// Waits for its function to return and for the process to end.
    #[track_caller]
    pub(crate) fn passes(mut self) {
        self.go_on();
        self.expect("returned");
        self.exits_with(0);
    }

    /// Ends the process without a chance for it to do anything.
    pub(crate) fn kill(&mut self) {
        self.process.kill().expect("it runs");
    }

    #[track_caller]
    pub(crate) fn exits_with(mut self, status: i32) {
        assert_eq!(self.wait(), Some(status));
        assert_eq!(self.lines.recv_timeout(BOUND), Err(mpsc::RecvTimeoutError::Disconnected));
    }

    /// Waits for it to end, and returns its status.
    #[track_caller]
    pub(crate) fn ends(mut self) -> Option<i32> {
        self.wait()
    }

    #[track_caller]
    fn wait(&mut self) -> Option<i32> {
        let deadline = Instant::now() + BOUND;
        while Instant::now() < deadline {
            if let Some(status) = self.process.try_wait().expect("it is our child") {
                return status.code();
            }
            thread::sleep(POLL);
        }
        panic!("the child does not end; it said {:?}", self.lines.try_iter().last());
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill(); // it may have ended
        let _ = self.process.wait();
    }
}

/// What the child says, without the output of the test harness around it.
fn lines(out: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            if let Some(said) = line.strip_prefix('@') {
                let _ = sender.send(said.to_owned()); // the test may have seen enough
            }
        }
    });
    receiver
}

/// Makes a case of each module: `test` is the parent, `child` the other process.
macro_rules! cases {
    ($($case:ident: $test:expr, $child:expr;)*) => { $(
        mod $case {
            #[allow(unused_imports, reason = "what the two halves name")]
            use super::*;

            #[test]
            fn test() {
                let test: fn(&Case) = $test;
                test(&Case(module_path!()));
            }

            #[test]
            #[ignore = "the other process of `test`"]
            fn child() {
                crate::child::run($child);
            }
        }
    )* };
}
pub(crate) use cases;

/// How to start the other process of a case.
pub(crate) struct Case(pub(crate) &'static str);

impl Case {
    /// Starts the child and waits for it to be ready.
    #[track_caller]
    pub(crate) fn ready(&self, variant: &str) -> Child {
        let child = Child::start(self.0, variant);
        child.expect("ready");
        child
    }

    /// The same, in a process group of its own: it inherits Ctrl-C as ignored.
    #[track_caller]
    pub(crate) fn ready_group(&self) -> Child {
        let child = Child::start_group(self.0, "group");
        child.expect("ready");
        child
    }

    /// Starts the child, which does everything by itself.
    #[track_caller]
    pub(crate) fn passes(&self, variant: &str) {
        Child::start(self.0, variant).passes();
    }
}
