//! One instance of a server, in a process of its own.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tokio::net::TcpSocket;

use crate::machine;

/// A server that does not answer or exit in this time does neither.
const LONGEST: Duration = Duration::from_secs(20);

/// A port that the system chose. The socket never listens: it keeps the port from others while no
/// instance has it.
pub struct Port(TcpSocket);

impl Port {
    pub fn reserve() -> Self {
        Self(shared(0))
    }

    pub fn number(&self) -> u16 {
        self.0.local_addr().expect("it is bound").port()
    }
}

/// A socket that shares its port.
pub fn shared(port: u16) -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_reuseport(true).expect("an option of Linux");
    socket.bind((Ipv4Addr::LOCALHOST, port).into()).expect("a port");
    socket
}

pub struct Instance(Child);

impl Instance {
    /// Returns when the instance responds.
    pub fn start(contender: &str, port: u16) -> Self {
        let process = Command::new("/proc/self/exe")
            .args(["child", "rolling", contender, &port.to_string()])
            .stdin(Stdio::null())
            .spawn()
            .expect("a child");
        let instance = Self(process);
        await_ready(port);
        instance
    }

    /// Sends SIGTERM, and returns the exit status and the time from the signal to the exit.
    pub fn stop(&mut self) -> (String, Duration) {
        let start = Instant::now();
        machine::kill(self.0.id(), libc::SIGTERM);
        while start.elapsed() < LONGEST {
            if let Some(status) = self.0.try_wait().expect("it is our child") {
                let status = status.code().map_or(status.to_string(), |code| code.to_string());
                return (status, start.elapsed());
            }
            sleep(Duration::from_millis(1));
        }
        let _ = self.0.kill();
        ("killed".into(), start.elapsed())
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let _ = self.0.kill(); // it may have exited
        let _ = self.0.wait();
    }
}

pub fn await_ready(port: u16) {
    let start = Instant::now();
    while !is_ready(port) {
        assert!(start.elapsed() < LONGEST, "nothing responds at port {port}");
        sleep(Duration::from_millis(5));
    }
}

fn is_ready(port: u16) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(LONGEST))?;
        stream.write_all(b"GET /ready HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")?;
        let mut response = String::new();
        stream.read_to_string(&mut response)?;
        Ok(response)
    };
    ask().is_ok_and(|response| response.starts_with("HTTP/1.1 200"))
}
