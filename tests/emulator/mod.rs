//! AWS's Lambda Runtime Interface Emulator, with a function of ours in it.
//!
//! The function is this test binary started again, with one of its ignored tests. The emulator
//! starts it at the first invocation, or at once where it plays Lambda Managed Instances.

pub(crate) mod function;
mod http;
mod log;
pub(crate) mod matrix;
mod place;
#[path = "../common/skipped.rs"]
mod skipped;

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{env, fs, thread};

pub(crate) use log::Log;
pub(crate) use matrix::Helper;
pub(crate) use skipped::skipped;

/// Nothing here takes nearly as long, on any machine.
pub(crate) const BOUND: Duration = Duration::from_secs(30);

/// Which Lambda it plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Classic,
    ManagedInstances,
}

/// How to start the emulator.
pub(crate) struct Setup {
    pub(crate) mode: Mode,
    /// The ignored test that is the function.
    pub(crate) function: &'static str,
    /// The ignored test that is an external extension.
    pub(crate) extension: Option<&'static str>,
    /// After how many seconds an invocation times out.
    pub(crate) timeout: u32,
    /// The function, where it is not this test binary. Classic mode only.
    pub(crate) program: Option<PathBuf>,
    /// What the function finds in its environment.
    pub(crate) env: Vec<(&'static str, String)>,
}

impl Setup {
    pub(crate) fn new(mode: Mode, function: &'static str) -> Self {
        Self { mode, function, extension: None, timeout: 60, program: None, env: Vec::new() }
    }

    /// `None`, and a line that says why, where the emulator cannot run.
    pub(crate) fn start(&self) -> Option<Emulator> {
        let deadline = Instant::now() + BOUND;
        loop {
            let [invoke, api] = free_ports();
            let mut process = place::command(self, [invoke, api])
                .map_err(|reason| skipped(&reason))
                .ok()?
                .env("AWS_LAMBDA_FUNCTION_TIMEOUT", self.timeout.to_string())
                .env("RUST_BACKTRACE", "0") // to print one takes longer than Lambda waits
                .envs(self.env.iter().cloned())
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .expect("the emulator starts");
            let log = Arc::new(Log::default());
            log.follow(process.stdout.take().expect("piped"));
            log.follow(process.stderr.take().expect("piped"));
            let mut emulator = Emulator { process, invoke, log };
            // Somebody else may have taken a port in the meantime: then the emulator ends.
            while emulator.process.try_wait().expect("it is our child").is_none() {
                if TcpStream::connect(invoke).is_ok() {
                    return Some(emulator);
                }
                let log = &emulator.log;
                assert!(Instant::now() < deadline, "the emulator does not start:\n{log}");
                thread::sleep(Duration::from_millis(5));
            }
        }
    }
}

/// A running emulator. It is killed together with its function when the test is over.
pub(crate) struct Emulator {
    process: Child,
    invoke: SocketAddr,
    pub(crate) log: Arc<Log>,
}

impl Emulator {
    /// Invokes the function and waits for what it answers, or for what goes wrong. The classic
    /// emulator can do this once at a time.
    pub(crate) fn invoke(&self, payload: &str) -> String {
        http::invoke(self.invoke, payload).unwrap_or_else(|error| error.to_string())
    }

    /// Invokes the function and does not wait.
    pub(crate) fn begin_to_invoke(&self, payload: &str) {
        let (invoke, payload) = (self.invoke, payload.to_owned());
        thread::spawn(move || http::invoke(invoke, &payload));
    }

    /// Takes the environment down, as Lambda does with an idle one, and waits for the end.
    pub(crate) fn shut_down(mut self) -> Arc<Log> {
        kill(self.process.id(), libc::SIGTERM);
        let deadline = Instant::now() + BOUND;
        while self.process.try_wait().expect("it is our child").is_none() {
            assert!(Instant::now() < deadline, "the emulator does not end:\n{}", self.log);
            thread::sleep(Duration::from_millis(5));
        }
        self.log.finish();
        Arc::clone(&self.log)
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // The function outlives an emulator that is killed, and would answer another one.
        let functions = children_of(self.process.id());
        let _ = self.process.kill(); // it may have ended
        let _ = self.process.wait();
        for function in functions {
            kill(function, libc::SIGKILL);
        }
    }
}

/// The path of the emulator, or how to get it.
fn binary() -> Result<PathBuf, String> {
    let test = env::current_exe().expect("the test binary");
    let folders = test.ancestors().map(|folder| folder.join("rie"));
    let mut files = folders.filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
    files
        .find(|file| file.file_name().to_string_lossy().starts_with("aws-lambda-rie-"))
        .map(|file| file.path())
        .ok_or_else(|| "AWS's emulator is not here; `tests/rie-fetch` fetches it".to_owned())
}

fn free_ports() -> [SocketAddr; 2] {
    [(); 2]
        .map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port"))
        .map(|listener| listener.local_addr().expect("bound"))
}

fn kill(pid: u32, signal: i32) {
    let pid = i32::try_from(pid).expect("a pid");
    // SAFETY: plain numbers.
    unsafe { libc::kill(pid, signal) };
}

fn children_of(parent: u32) -> Vec<u32> {
    let parent_of = |pid: u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // pid (name) state ppid …, and the name may hold anything
        stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse::<u32>().ok()
    };
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|&pid| parent_of(pid) == Some(parent)).collect()
}
