//! AWS's Lambda Runtime Interface Emulator, with a function of this crate.
//!
//! The function is another process of this test binary, with one of its ignored tests. The emulator
//! starts it at the first invocation, or immediately if it simulates Managed Instances.

pub(crate) mod extension;
pub(crate) mod function;
mod http;
mod log;
pub(crate) mod matrix;
mod place;
pub(crate) mod proof;
#[path = "../common/skipped.rs"]
mod skipped;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{env, fs, thread};

pub(crate) use log::Log;
pub(crate) use matrix::Helper;
pub(crate) use skipped::skipped;

/// Far more than any step takes, on any machine.
pub(crate) const BOUND: Duration = Duration::from_secs(30);

/// Printed by the classic emulator when it has finished an invocation. It crashes at another one
/// before that, and later connections are refused.
pub(crate) const REPORTED: &str = "REPORT RequestId";

/// The kind of Lambda that the emulator simulates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Classic,
    ManagedInstances,
}

/// The options of the emulator.
pub(crate) struct Setup {
    pub(crate) mode: Mode,
    /// The ignored test that is the function.
    pub(crate) function: &'static str,
    /// The ignored test that is an external extension.
    pub(crate) extension: Option<&'static str>,
    /// After how many seconds an invocation times out.
    pub(crate) timeout: u32,
    /// The function, if it is not this test binary. Classic mode only.
    pub(crate) program: Option<PathBuf>,
    /// The environment variables of the function.
    pub(crate) env: Vec<(&'static str, String)>,
}

impl Setup {
    pub(crate) fn new(mode: Mode, function: &'static str) -> Self {
        Self { mode, function, extension: None, timeout: 60, program: None, env: Vec::new() }
    }

    /// Returns `None`, and prints why, if the emulator cannot run.
    pub(crate) fn start(&self) -> Option<Emulator> {
        let deadline = Instant::now() + BOUND;
        loop {
            let [invoke, api] = free_ports();
            let mut emulator = self.spawn(invoke, api)?;
            while emulator.is_running() {
                if emulator.listens() {
                    return Some(emulator);
                }
                let log = &emulator.log;
                assert!(Instant::now() < deadline, "the emulator does not start:\n{log}");
                thread::sleep(Duration::from_millis(5));
            }
            // Another process may have taken a port in the meantime. Without a listener, the emulator
            // has also exited if the function failed: its invocation will show that.
            emulator.log.finish();
            if !emulator.log.has("address already in use") {
                return Some(emulator);
            }
        }
    }

    fn spawn(&self, invoke: SocketAddr, api: SocketAddr) -> Option<Emulator> {
        let mut process = place::command(self, [invoke, api])
            .map_err(|reason| skipped(&reason))
            .ok()?
            .env("AWS_LAMBDA_FUNCTION_TIMEOUT", self.timeout.to_string())
            .env("RUST_BACKTRACE", "0") // printing one takes longer than Lambda waits
            .envs(self.env.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the emulator starts");
        let log = Arc::new(Log::default());
        log.follow(process.stdout.take().expect("piped"));
        log.follow(process.stderr.take().expect("piped"));
        Some(Emulator { process, invoke, log })
    }
}

/// A running emulator. It is killed with its function when dropped.
pub(crate) struct Emulator {
    process: Child,
    invoke: SocketAddr,
    pub(crate) log: Arc<Log>,
}

impl Emulator {
    fn is_running(&mut self) -> bool {
        self.process.try_wait().expect("it is our child").is_none()
    }

    /// Returns whether this emulator, and no other process, listens on its port.
    fn listens(&self) -> bool {
        let port = format!(":{:04X} ", self.invoke.port());
        let table = fs::read_to_string("/proc/net/tcp").expect("proc");
        // number: local remote state queues timer retransmits uid timeout inode …
        let mut listeners = table.lines().filter_map(|line| {
            let fields: Vec<_> = line.split_whitespace().collect();
            let listens = line.contains(&port) && fields[3] == "0A";
            (listens && fields[1].ends_with(port.trim_end())).then(|| fields[9].to_owned())
        });
        listeners.any(|inode| self.has_open(&format!("socket:[{inode}]")))
    }

    fn has_open(&self, target: &str) -> bool {
        let descriptors = fs::read_dir(format!("/proc/{}/fd", self.process.id()));
        let mut descriptors = descriptors.into_iter().flatten().flatten();
        descriptors.any(|fd| fs::read_link(fd.path()).is_ok_and(|link| link.as_os_str() == target))
    }

    /// Invokes the function and returns its response, or the error. The classic emulator allows one
    /// invocation at a time.
    pub(crate) fn invoke(&self, payload: &str) -> String {
        http::invoke(self.invoke, payload).unwrap_or_else(|error| error.to_string())
    }

    /// Invokes the function and does not wait for its response.
    pub(crate) fn begin_to_invoke(&self, payload: &str) {
        let (invoke, payload) = (self.invoke, payload.to_owned());
        thread::spawn(move || http::invoke(invoke, &payload));
    }

    /// Shuts the environment down, as Lambda does with an idle one, and waits until it has ended.
    pub(crate) fn shut_down(mut self) -> Arc<Log> {
        if self.is_running() {
            kill(self.process.id(), libc::SIGTERM);
        }
        let deadline = Instant::now() + BOUND;
        while self.is_running() {
            assert!(Instant::now() < deadline, "the emulator does not exit:\n{}", self.log);
            thread::sleep(Duration::from_millis(5));
        }
        self.log.finish();
        Arc::clone(&self.log)
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // The function outlives a killed emulator, and would poll the next one at the same port.
        let is_running = self.is_running();
        let functions = if is_running { children_of(self.process.id()) } else { Vec::new() };
        let _ = self.process.kill(); // it may have exited
        let _ = self.process.wait();
        for function in functions {
            kill(function, libc::SIGKILL);
        }
    }
}

/// Returns the path of the emulator, or how to get it.
fn binary() -> Result<PathBuf, String> {
    let test = env::current_exe().expect("the test binary");
    let folders = test.ancestors().map(|folder| folder.join("rie"));
    let mut files = folders.filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
    files
        .find(|file| file.file_name().to_string_lossy().starts_with("aws-lambda-rie-"))
        .map(|file| file.path())
        .ok_or_else(|| "AWS's emulator is missing; `tests/rie-fetch` fetches it".to_owned())
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
        // pid (name) state ppid …, and the name may contain anything
        stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse::<u32>().ok()
    };
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|&pid| parent_of(pid) == Some(parent)).collect()
}
