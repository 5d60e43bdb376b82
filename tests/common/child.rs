//! A process that is this test binary once more, running one case.

use std::cell::Cell;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{self, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};
use std::{env, io, iter};

use super::output::{Errors, lines};
use super::skipped::skipped;
use super::{BOUND, system};

pub(crate) const VARIANT: &str = "SIGNOFF_TEST_VARIANT";

/// In the child: which variant of the case it is; `None` in a process that nobody started for it.
pub(crate) fn variant() -> Option<String> {
    env::var(VARIANT).ok()
}

/// In the child: tells the parent how far it has come.
pub(crate) fn say(line: impl std::fmt::Display) {
    let mut out = io::stdout().lock();
    writeln!(out, "\n@{line}").and_then(|()| out.flush()).expect("the parent listens");
}

/// The first line of a child, before its function, and the last one, when the function has returned.
const STARTED: &str = "(the case started)";
const RETURNED: &str = "(the case returned)";

/// In the child: runs the function of the case. Does nothing in a process that no test started.
pub(crate) fn run(case: fn()) {
    if variant().is_some() {
        say(STARTED);
        case();
        say(RETURNED);
    }
}

/// How to start the other process of a case.
#[derive(Clone)]
pub(crate) struct Case {
    name: String,
    variant: String,
    wrapper: Vec<&'static str>,
    ignored: Vec<i32>,
    blocked: Vec<i32>,
    terminal: Option<Arc<OwnedFd>>,
    input: Option<Arc<OwnedFd>>,
}

impl Case {
    pub(crate) fn of(module: &str) -> Self {
        let (_, path) = module.split_once("::").expect("a case is a module");
        let name = format!("{path}::child");
        let variant = String::new();
        Self {
            name,
            variant,
            wrapper: vec![],
            ignored: vec![],
            blocked: vec![],
            terminal: None,
            input: None,
        }
    }

    /// What `variant` returns in the child.
    pub(crate) fn variant(&self, variant: &str) -> Self {
        Self { variant: variant.into(), ..self.clone() }
    }

    pub(crate) fn variant_name(&self) -> &str {
        &self.variant
    }

    /// Started through another program.
    pub(crate) fn under(&self, wrapper: &[&'static str]) -> Self {
        Self { wrapper: [wrapper, &self.wrapper].concat(), ..self.clone() }
    }

    /// Inherits `signal` as ignored.
    pub(crate) fn ignoring(&self, signal: i32) -> Self {
        Self { ignored: vec![signal], ..self.clone() }
    }

    /// Inherits `signal` as blocked.
    pub(crate) fn blocking(&self, signal: i32) -> Self {
        Self { blocked: vec![signal], ..self.clone() }
    }

    /// In front of a terminal, which is its standard input and error.
    pub(crate) fn on_terminal(&self, terminal: OwnedFd) -> Self {
        Self { terminal: Some(Arc::new(terminal)), ..self.clone() }
    }

    /// With this as its standard input.
    pub(crate) fn reading(&self, input: OwnedFd) -> Self {
        Self { input: Some(Arc::new(input)), ..self.clone() }
    }

    /// As the first process of a PID namespace, as in a container. `None`, and a line that says
    /// so, if the system does not allow that.
    pub(crate) fn start_as_first(&self) -> Option<Child> {
        const ROOT: &[&str] = &["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"];
        const USER: &[&str] = &[
            "unshare",
            "--user",
            "--map-root-user",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
        ];
        let Some(wrapper) = [ROOT, USER].into_iter().find(|wrapper| works(wrapper)) else {
            skipped(&format!("`{}` is not allowed here", ROOT.join(" ")));
            return None;
        };
        let mut child = self.under(wrapper).start();
        // The child says this before anything else. From then on it can be found until it ends,
        // and one that ends by itself needs no signal.
        child.expect("started");
        child.pid = system::child_of(child.pid).unwrap_or(0);
        Some(child)
    }

    /// As a background job of a shell that has the terminal. `None`, and a line that says so, if
    /// there is no bash.
    #[cfg(target_os = "linux")]
    pub(crate) fn start_as_job(&self) -> Option<Child> {
        self.start_by_shell(r#""$@" & wait $!"#)
    }

    /// By a shell with job control that has the terminal and runs this script. `"$@"` is the child.
    #[cfg(target_os = "linux")]
    pub(crate) fn start_by_shell(&self, script: &'static str) -> Option<Child> {
        if !works(&["bash", "-mc", r#""$@""#, "bash"]) {
            skipped("bash with job control is not installed");
            return None;
        }
        let mut child = self.under(&["bash", "-mc", script, "bash"]).start();
        child.pid = system::child_of(child.pid).unwrap_or(0); // as above: it may have ended
        Some(child)
    }

    /// Starts the child and waits for it to be `ready`.
    #[track_caller]
    pub(crate) fn ready(&self) -> Child {
        let child = self.start();
        child.expect("ready");
        child
    }

    /// Starts the child until it does what `attempt` waits for. A busy machine may be late, but not
    /// every time.
    #[track_caller]
    pub(crate) fn holds_once(&self, attempt: impl Fn(Child) -> Result<(), String>) {
        let failures: Vec<_> = (0..5).map_while(|_| attempt(self.start()).err()).collect();
        assert!(failures.len() < 5, "never in five attempts: {failures:?}");
    }

    /// Starts the child, which does everything by itself.
    #[track_caller]
    pub(crate) fn passes(&self) {
        self.start().passes();
    }

    /// Starts the child. When this returns, its function is about to run.
    #[track_caller]
    pub(crate) fn start(&self) -> Child {
        let mut process = self.command().spawn().expect("the test binary starts again");
        let lines = lines(process.stdout.take().expect("piped"));
        let errors = process.stderr.take().map(Errors::read); // none if it is a terminal
        let pid = system::pid(&process);
        let is_proven = Cell::new(false);
        let child = Child { process, pid, lines, is_proven, errors };
        child.expect(STARTED); // no other test of this binary says it, nor does an empty run
        child.is_proven.set(false);
        child
    }

    fn command(&self) -> Command {
        let binary = env::current_exe().expect("the test binary");
        let mut command = match self.wrapper.split_first() {
            Some((program, arguments)) => {
                let mut command = Command::new(program);
                command.args(arguments).arg(binary);
                command
            }
            None => Command::new(binary),
        };
        command.args(["--exact", &self.name, "--ignored", "--nocapture", "--test-threads=1"]);
        command.env(VARIANT, &self.variant);
        command.envs([("SMOL_THREADS", "2"), ("ASYNC_STD_THREAD_COUNT", "2")]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if let Some(input) = &self.input {
            command.stdin(input.try_clone().expect("a descriptor"));
        }
        if let Some(terminal) = &self.terminal {
            let end = || terminal.try_clone().expect("a descriptor");
            command.stdin(end()).stderr(end());
        }
        let has_terminal = self.terminal.is_some();
        let (ignored, blocked) = (self.ignored.clone(), self.blocked.clone());
        // SAFETY: a few system calls, and no allocation.
        unsafe {
            command.pre_exec(move || {
                system::inherit_nothing(); // whoever runs the tests may be a `nohup … &`
                system::ignore(&ignored);
                system::block(&blocked);
                if has_terminal {
                    system::control_terminal();
                }
                Ok(())
            });
        }
        command
    }
}

fn works(wrapper: &[&str]) -> bool {
    let (program, arguments) = wrapper.split_first().expect("a program");
    Command::new(program).args(arguments).arg("true").output().is_ok_and(|o| o.status.success())
}

/// The other process. It is killed when the test gives up on it.
pub(crate) struct Child {
    process: process::Child,
    /// Of the process that runs the case: a child of `process` if that is a wrapper.
    pid: i32,
    lines: Receiver<String>,
    /// Whether it said a line since the last signal: a status of 0 alone proves nothing.
    is_proven: Cell<bool>,
    errors: Option<Errors>,
}

impl Child {
    pub(crate) fn pid(&self) -> i32 {
        self.pid
    }

    /// Sends it a real signal.
    pub(crate) fn kill(&self, signal: i32) {
        self.is_proven.set(false);
        system::kill(self.pid, signal);
    }

    /// Sends it a signal that cannot be taken for the same press as one that came before.
    pub(crate) fn kill_again(&self, signal: i32) {
        thread::sleep(super::ANOTHER_PRESS);
        self.kill(signal);
    }

    /// What it has printed on standard error so far.
    pub(crate) fn errors(&self) -> String {
        self.errors.as_ref().map(Errors::so_far).unwrap_or_default()
    }

    /// The next line that it says.
    pub(crate) fn line(&self) -> String {
        let line = self.lines.recv_timeout(BOUND);
        self.is_proven.set(line.is_ok());
        line.unwrap_or_else(|e| format!("(nothing: {e})"))
    }

    #[track_caller]
    pub(crate) fn expect(&self, line: &str) {
        let said = self.line();
        let errors = self.errors();
        assert!(said == line, "the child should say {line:?}, and said {said:?}: {errors}");
    }

    /// Waits for the end of a process that has no parent, and so no status that can be seen.
    #[track_caller]
    pub(crate) fn ends_without_a_line(self) {
        let ended = self.lines.recv_timeout(BOUND);
        assert_eq!(ended, Err(RecvTimeoutError::Disconnected), "it should have ended");
    }

    /// Waits for its function to return and for the process to end, with nothing wrong and nothing
    /// more to say.
    #[track_caller]
    pub(crate) fn passes(self) {
        let ended = self.ends();
        assert!(ended.has_passed(), "the child did not pass: {ended:?}");
    }

    /// Waits for it to end with this status. If that is 0, the child must have said something since
    /// the last signal, or its function must have returned: a handler that exits is not enough.
    #[track_caller]
    pub(crate) fn exits_with(self, code: i32) {
        let is_proven = self.is_proven.get();
        let ended = self.ends();
        assert_eq!(ended.status.code(), Some(code), "{ended:?}");
        assert!(code != 0 || is_proven || ended.has_passed(), "it did nothing: {ended:?}");
    }

    /// Waits for it to be killed by this signal.
    #[track_caller]
    pub(crate) fn dies_by(self, signal: i32) {
        let ended = self.ends();
        assert_eq!(ended.status.signal(), Some(signal), "{ended:?}");
    }

    /// Waits for the end. Nothing may be on standard error unless the case failed, except for what
    /// `exit_on` waits for: on a busy machine, anything can take a second.
    #[track_caller]
    pub(crate) fn ends(self) -> Ended {
        let mut ended = self.ends_with_output();
        let is_error = |line: &&str| !line.is_empty() && !line.starts_with("waiting for ");
        ended.errors = ended.errors.lines().filter(is_error).collect();
        assert!(ended.errors.is_empty(), "the child printed to standard error: {ended:?}");
        ended
    }

    /// Waits for the end. It may print on standard error.
    #[track_caller]
    pub(crate) fn ends_with_output(mut self) -> Ended {
        let status = self.wait();
        let errors = self.errors.take().map(Errors::all).unwrap_or_default();
        Ended { status, errors, unread: self.unread() }
    }

    /// What it said and no test looked at. The process has ended, so the pipe does, too.
    fn unread(&self) -> Vec<String> {
        iter::from_fn(|| self.lines.recv_timeout(BOUND).ok()).collect()
    }

    #[track_caller]
    fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + BOUND;
        while Instant::now() < deadline {
            if let Some(status) = self.process.try_wait().expect("it is our child") {
                return status;
            }
            thread::sleep(Duration::from_millis(2));
        }
        panic!("the child does not end; its last line: {:?}", self.lines.try_iter().last());
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill(); // it may have ended
        let _ = self.process.wait();
    }
}

/// How the other process ended.
#[must_use = "an end proves nothing by itself"]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) errors: String,
    /// The lines after those that the test looked at.
    pub(crate) unread: Vec<String>,
}

impl Ended {
    /// Whether the function of the case returned, and said nothing that the test did not look at.
    pub(crate) fn has_passed(&self) -> bool {
        self.status.success() && self.unread == [RETURNED]
    }
}

impl std::fmt::Debug for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { status, errors, unread } = self;
        write!(f, "{status}, then said {unread:?}, standard error: {errors}")
    }
}
