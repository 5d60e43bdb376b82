#![doc = include_str!("../../features/systemd.md")]

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;
use std::{env, io};

use crate::hooks::report::Report;
use crate::hooks::{BOUND, Event, HookReport, Observer, Running, Started};
use crate::util::human_list::HumanList;
use crate::util::os::monotonic;

/// Tells systemd that the service is ready: after its start, and after a reload.
pub fn ready() {
    send("READY=1");
}

/// Tells systemd that the service reloads its configuration. Call [`ready`] when that is done.
pub fn reloading() {
    send(&format!("RELOADING=1\nMONOTONIC_USEC={}", monotonic::now().as_micros()));
}

/// Sets the status line that `systemctl status` shows.
pub fn status(text: &str) {
    send(&status_line(text));
}

/// Returns an observer that keeps systemd informed while the hooks run.
///
/// It finds the socket now. Create it at the start of the program.
pub fn observer() -> SystemdObserver {
    SystemdObserver { socket: Socket::from_env(), running: Vec::new() }
}

/// Tells systemd of the shutdown. Made by [`observer`].
#[derive(Debug)]
pub struct SystemdObserver {
    socket: Option<Socket>,
    /// The names of the hooks that run.
    running: Vec<String>,
}

impl Observer for SystemdObserver {
    fn on_event(&mut self, event: &Event) {
        match event {
            Event::Started(started) => self.send(&stopping(started)),
            Event::HookStarted(hook) => {
                self.running.push(hook.name().to_owned());
                self.send_running();
            }
            Event::HookEnded(hook) => self.hook_ended(hook),
            Event::Running(running) => self.send(&progress(running)),
            Event::Ended(report) => self.send(&status_line(&summary(report))),
        }
    }
}

impl SystemdObserver {
    fn hook_ended(&mut self, hook: &HookReport) {
        // Two hooks may have the same name.
        if let Some(at) = self.running.iter().position(|name| name == hook.name()) {
            self.running.remove(at);
        }
        if !self.running.is_empty() {
            self.send_running();
        }
    }

    fn send_running(&self) {
        self.send(&status_line(&format!("waiting for {}", HumanList::new(&self.running))));
    }

    fn send(&self, message: &str) {
        if let Some(socket) = &self.socket {
            socket.send(message);
        }
    }
}

fn stopping(started: &Started) -> String {
    let reason = started.reason().map(|reason| format!(": {reason}")).unwrap_or_default();
    let status = status_line(&format!("stopping{reason}"));
    format!("STOPPING=1\n{status}{}", extension(started.time_left()))
}

fn progress(running: &Running) -> String {
    format!("{}{}", status_line(&running.to_string()), extension(running.time_left()))
}

/// Asks for the time until the budget ends. systemd ignores this if `TimeoutStopSec` ends later.
///
/// No extension is requested after the budget, or without one: then `TimeoutStopSec` is what ends a hook
/// that hangs.
fn extension(time_left: Option<Duration>) -> String {
    let left = time_left.filter(|left| !left.is_zero());
    let time = left.and_then(|left| u64::try_from((left + BOUND).as_micros()).ok());
    time.map(|micros| format!("\nEXTEND_TIMEOUT_USEC={micros}")).unwrap_or_default()
}

/// The first line of the report.
fn summary(report: &Report) -> String {
    report.to_string().lines().next().unwrap_or_default().to_owned()
}

/// A line break would begin another assignment.
fn status_line(text: &str) -> String {
    format!("STATUS={}", text.replace(['\n', '\r'], " "))
}

fn send(message: &str) {
    if let Some(socket) = Socket::from_env() {
        socket.send(message);
    }
}

/// The socket of systemd.
///
/// std has all that the protocol needs: datagrams, abstract names, and a send that does not block.
/// The crate `sd-notify` 0.5 knows paths only, and its send blocks if the queue of the socket is full.
#[derive(Debug)]
struct Socket {
    socket: UnixDatagram,
    address: SocketAddr,
}

impl Socket {
    /// Returns `None` if systemd does not wait for messages, or if the socket cannot be used.
    fn from_env() -> Option<Self> {
        let name = env::var_os("NOTIFY_SOCKET")?;
        let address = address(name.as_bytes()).ok()?;
        let socket = UnixDatagram::unbound().ok()?;
        socket.set_nonblocking(true).ok()?;
        Some(Self { socket, address })
    }

    /// An error is no reason to stop the program, or to stop it later.
    fn send(&self, message: &str) {
        let _ = self.socket.send_to_addr(message.as_bytes(), &self.address);
    }
}

fn address(name: &[u8]) -> io::Result<SocketAddr> {
    match name {
        [b'/', ..] => SocketAddr::from_pathname(OsStr::from_bytes(name)),
        #[cfg(target_os = "linux")]
        [b'@', name @ ..] => {
            <SocketAddr as std::os::linux::net::SocketAddrExt>::from_abstract_name(name)
        }
        _ => Err(io::ErrorKind::Unsupported.into()), // `vsock:` is for virtual machines
    }
}
