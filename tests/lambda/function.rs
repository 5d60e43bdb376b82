//! The function: another process of this test binary, because a process registers only once.

use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{self, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use signoff::lambda::{Extension, Registration, RegistrationError};

use super::BOUND;

pub(crate) const WAY: &str = "SIGNOFF_TEST_WAY";
const TIMEOUT: &str = "SIGNOFF_TEST_TIMEOUT";

/// The timeout of a registration that has to time out.
pub(crate) const SHORT: Duration = Duration::from_millis(300);

/// A running function.
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
    start_with(case, address, way, timeout, "on-demand")
}

pub(crate) fn start_with(
    case: &str,
    address: impl AsRef<OsStr>,
    way: &str,
    timeout: Duration,
    initialization: &str,
) -> Function {
    let mut process = Command::new(env::current_exe().expect("the test binary"))
        .args(["--exact", case, "--ignored", "--nocapture", "--test-threads=1"])
        .env("AWS_LAMBDA_RUNTIME_API", address)
        .envs([
            ("AWS_LAMBDA_FUNCTION_NAME", "function"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", initialization),
        ])
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
        let _ = err.read_to_string(&mut errors); // an error ends it too
        errors
    });
    Function { process, lines, errors: Some(errors) }
}

impl Function {
    /// Returns its next line.
    pub(crate) fn line(&self) -> String {
        self.lines.recv_timeout(BOUND).unwrap_or_else(|error| format!("(nothing: {error})"))
    }

    /// Makes it register once more.
    pub(crate) fn ask(&mut self) {
        writeln!(self.process.stdin.as_mut().expect("piped")).expect("an open pipe");
    }

    /// Lets it exit, and checks that it succeeds and prints no error.
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

    /// Waits until it has installed its hooks.
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

    /// Returns its exit status and its standard error.
    pub(crate) fn outcome(mut self) -> (ExitStatus, String) {
        let deadline = Instant::now() + BOUND;
        let status = loop {
            match self.process.try_wait().expect("it is our child") {
                Some(status) => break status,
                None if Instant::now() > deadline => panic!("the function does not exit"),
                None => thread::sleep(Duration::from_millis(2)),
            }
        };
        (status, self.errors.take().expect("once").join().expect("the reader"))
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        let _ = self.process.kill(); // it may have exited
        let _ = self.process.wait();
    }
}

pub(crate) fn say(line: impl std::fmt::Display) {
    let mut out = io::stdout().lock();
    writeln!(out, "\n@{line}").and_then(|()| out.flush()).expect("an open pipe");
}

#[test]
#[ignore = "the process of a function"]
fn registers() {
    let Ok(way) = env::var(WAY) else { return };
    let timeout = env::var(TIMEOUT).expect("set").parse().expect("a number");
    let extension = Extension::default().timeout(Duration::from_millis(timeout));
    let (begun, threads_before) = (Instant::now(), threads());
    let result = register(&way, extension.clone());
    let took = begun.elapsed().as_millis();
    match result {
        Ok(Registration::Registered) => say("registered"),
        Ok(registration) => say(format_args!("{registration:?}")),
        Err(error) => say(format_args!("{} | {error}", kind(&error))),
    }
    say(took);
    say(format_args!("{} new threads, {} sockets", threads() - threads_before, sockets()));
    for _question in io::stdin().lines() {
        say(format_args!("{:?}", extension.register()));
    }
}

/// Returns the variant, or the kind of its I/O error.
pub(crate) fn kind(error: &RegistrationError) -> String {
    match error {
        RegistrationError::Address { .. } => "Address".to_owned(),
        RegistrationError::Name { .. } => "Name".to_owned(),
        RegistrationError::Io { source, .. } => format!("{:?}", source.kind()),
        RegistrationError::Refused { .. } => "Refused".to_owned(),
        _ => "another kind".to_owned(),
    }
}

fn register(way: &str, extension: Extension) -> Result<Registration, RegistrationError> {
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
        "four threads" => in_threads::<4>(&extension),
        "many threads" => in_threads::<64>(&extension),
        "two timeouts" => {
            let patient = extension.clone().timeout(BOUND);
            thread::spawn(move || patient.register());
            while sockets() == 0 {
                thread::yield_now();
            }
            extension.register()
        }
        "longest timeout" => extension.timeout(Duration::MAX).register(),
        "default timeout" => Extension::default().register(),
        "again" => {
            let first = extension.register();
            say(first.as_ref().map_or_else(kind, |_| "registered".to_owned()));
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

fn in_threads<const N: usize>(extension: &Extension) -> Result<Registration, RegistrationError> {
    thread::scope(|scope| {
        let threads = [(); N].map(|()| scope.spawn(|| extension.register()));
        let mut results = threads.into_iter().map(|thread| thread.join().expect("no panic"));
        results.try_fold(Registration::Registered, |_, result| result)
    })
}

/// Leaves no address space for the stack of another thread.
pub(crate) fn refuse_threads() {
    let statm = fs::read_to_string("/proc/self/statm").expect("proc");
    let pages: libc::rlim_t = statm.split(' ').next().expect("a size").parse().expect("a number");
    let rlim_cur = pages * 4096 + 1_000_000;
    let limit = libc::rlimit { rlim_cur, rlim_max: rlim_cur };
    // SAFETY: the pointer is to a live limit.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limit) }, 0);
}

fn threads() -> usize {
    fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

fn sockets() -> usize {
    let entries = fs::read_dir("/proc/self/fd").expect("proc").map_while(Result::ok);
    let targets = entries.filter_map(|entry| fs::read_link(entry.path()).ok());
    targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
}
