//! The function: this test binary started again, because it registers once in a process.

use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{self, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use signoff::lambda::{Extension, RegistrationError};

use super::BOUND;

pub(crate) const WAY: &str = "SIGNOFF_TEST_WAY";
const TIMEOUT: &str = "SIGNOFF_TEST_TIMEOUT";

/// How long the function of a test may take to register, where it has to give up.
pub(crate) const SHORT: Duration = Duration::from_millis(300);

/// What becomes of the registration.
pub(crate) struct Function {
    process: process::Child,
    lines: Receiver<String>,
    errors: Option<thread::JoinHandle<String>>,
}

/// Starts a function with `address` in `AWS_LAMBDA_RUNTIME_API`.
pub(crate) fn start(address: impl AsRef<OsStr>, way: &str, timeout: Duration) -> Function {
    start_case("function::registers", address, way, timeout)
}

pub(crate) fn start_case(
    case: &str,
    address: impl AsRef<OsStr>,
    way: &str,
    timeout: Duration,
) -> Function {
    let mut process = Command::new(env::current_exe().expect("the test binary"))
        .args(["--exact", case, "--ignored", "--nocapture", "--test-threads=1"])
        .env("AWS_LAMBDA_RUNTIME_API", address)
        .env(WAY, way)
        .env(TIMEOUT, timeout.as_millis().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the test binary starts again");
    let (said, lines) = mpsc::channel();
    let out = BufReader::new(process.stdout.take().expect("piped"));
    thread::spawn(move || {
        for line in out.lines().map_while(Result::ok) {
            if let Some(line) = line.strip_prefix('@') {
                let _ = said.send(line.to_owned()); // the test may be over
            }
        }
    });
    let mut err = process.stderr.take().expect("piped");
    let errors = thread::spawn(move || {
        let mut errors = String::new();
        let _ = err.read_to_string(&mut errors); // what came is what there is
        errors
    });
    Function { process, lines, errors: Some(errors) }
}

impl Function {
    /// What it says next.
    pub(crate) fn line(&self) -> String {
        self.lines.recv_timeout(BOUND).unwrap_or_else(|error| format!("(nothing: {error})"))
    }

    /// Asks it to register once more.
    pub(crate) fn ask(&mut self) {
        writeln!(self.process.stdin.as_mut().expect("piped")).expect("it listens");
    }

    /// Lets it end, which it does in peace and without a word on standard error.
    #[track_caller]
    pub(crate) fn ends(mut self) {
        drop(self.process.stdin.take());
        let (status, errors) = self.outcome();
        assert!(status.success() && errors.is_empty(), "{status}: {errors}");
    }
}

impl Function {
    #[track_caller]
    pub(crate) fn says(&self, line: &str) {
        assert_eq!(self.line(), line);
    }

    /// It has installed its hooks, and perhaps told so.
    #[track_caller]
    pub(crate) fn waits(&self) {
        let line = self.line();
        if line != "waits" {
            assert_eq!((&*line, &*self.line()), ("no error", "waits"));
        }
    }

    /// Sends it a real signal.
    pub(crate) fn kill(&self, signal: i32) {
        let pid = self.process.id().try_into().expect("a pid");
        // SAFETY: plain numbers.
        assert_eq!(unsafe { libc::kill(pid, signal) }, 0);
    }

    /// How it ends, and what stood on standard error.
    pub(crate) fn outcome(mut self) -> (ExitStatus, String) {
        let deadline = Instant::now() + BOUND;
        let status = loop {
            match self.process.try_wait().expect("it is our child") {
                Some(status) => break status,
                None if Instant::now() > deadline => panic!("the function does not end"),
                None => thread::sleep(Duration::from_millis(2)),
            }
        };
        (status, self.errors.take().expect("once").join().expect("the reader"))
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        let _ = self.process.kill(); // it may have ended
        let _ = self.process.wait();
    }
}

pub(crate) fn say(line: impl std::fmt::Display) {
    let mut out = io::stdout().lock();
    writeln!(out, "\n@{line}").and_then(|()| out.flush()).expect("the test listens");
}

#[test]
#[ignore = "the other process of the tests"]
fn registers() {
    let Ok(way) = env::var(WAY) else { return };
    let timeout = env::var(TIMEOUT).expect("set").parse().expect("a number");
    let extension = Extension::default().timeout(Duration::from_millis(timeout));
    let (begun, threads_before) = (Instant::now(), threads());
    let result = register(&way, extension.clone());
    let took = begun.elapsed().as_millis();
    match result {
        Ok(true) => say("registered"),
        Ok(false) => say("not in Lambda"),
        Err(error) => say(format_args!("{error:?} | {error}")),
    }
    say(took);
    say(format_args!("{} new threads, {} sockets", threads() - threads_before, sockets()));
    for _question in io::stdin().lines() {
        say(format_args!("{:?}", extension.register()));
    }
}

fn register(way: &str, extension: Extension) -> Result<bool, RegistrationError> {
    match way {
        "plain" => extension.register(),
        "tokio" => tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime")
            .block_on(async { extension.register() }),
        "async-std" => async_std::task::block_on(async { extension.register() }),
        "smol" => smol::block_on(async { extension.register() }),
        "twice" => {
            extension.register()?;
            extension.name("another").register()
        }
        "four threads" => {
            let register = || extension.register();
            thread::scope(|scope| {
                let threads = [(); 4].map(|()| scope.spawn(register));
                let mut results =
                    threads.into_iter().map(|thread| thread.join().expect("no panic"));
                results.try_fold(true, |all, result| Ok(all && result?))
            })
        }
        "many threads" => thread::scope(|scope| {
            let threads = [(); 64].map(|()| scope.spawn(|| extension.register()));
            let results = threads.map(|thread| thread.join().expect("no panic"));
            results.into_iter().find(Result::is_err).unwrap_or(Ok(true))
        }),
        "again" => {
            let first = extension.register();
            say(format_args!("{first:?}"));
            extension.name("another").register()
        }
        "child" => {
            let registered = extension.register();
            let child = Command::new("ls").args(["-l", "/proc/self/fd"]).output().expect("ls");
            let listing = String::from_utf8_lossy(&child.stdout);
            say(format_args!("a child has {} sockets", listing.matches("socket:").count()));
            registered
        }
        name => extension.name(name.to_owned()).register(),
    }
}

fn threads() -> usize {
    fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

fn sockets() -> usize {
    let entries = fs::read_dir("/proc/self/fd").expect("proc").map_while(Result::ok);
    let targets = entries.filter_map(|entry| fs::read_link(entry.path()).ok());
    targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
}
