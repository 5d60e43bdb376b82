//! Clients that keep a connection, and clients that open one for each request. They never retry.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use signoff::ShutdownSignal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// A response that takes longer counts as lost.
const LONGEST: Duration = Duration::from_secs(12);

/// A connection is given up after so many requests, so that clients spread over the instances.
const REQUESTS: usize = 50;

#[derive(Debug, Clone, Copy)]
struct Habits {
    keeps_connection: bool,
    /// Between two requests, in microseconds, at most.
    pause: u64,
}

/// So many clients with the same habits.
const CLIENTS: [(usize, Habits); 3] = [
    (22, Habits { keeps_connection: true, pause: 20_000 }),
    (6, Habits { keeps_connection: true, pause: 4_000 }),
    (12, Habits { keeps_connection: false, pause: 20_000 }),
];

#[derive(Debug, Default)]
struct Counts {
    requests: usize,
    lost: BTreeMap<String, usize>,
}

pub struct Clients {
    stop: ShutdownSignal,
    counts: Arc<Mutex<Counts>>,
    thread: JoinHandle<()>,
}

impl Clients {
    /// With `picks`, a client that is refused by one instance takes another, and has lost nothing.
    pub fn start(ports: Vec<u16>, picks: bool) -> Self {
        let stop = ShutdownSignal::manual();
        let counts = Arc::new(Mutex::new(Counts::default()));
        let habits = CLIENTS.iter().flat_map(|(count, habits)| vec![*habits; *count]);
        let clients: Vec<Client> = habits
            .zip(1..)
            .map(|(habits, seed)| Client {
                habits,
                ports: ports.clone(),
                picks,
                random: Random(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed)),
                stop: stop.clone(),
                counts: Arc::clone(&counts),
            })
            .collect();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let clients: Vec<_> =
                    clients.into_iter().map(|it| tokio::spawn(it.run())).collect();
                for client in clients {
                    client.await.expect("clients do not panic");
                }
            });
        });
        Self { stop, counts, thread }
    }

    /// Returns how many requests there were, and those that were lost.
    pub fn stop(self) -> (usize, BTreeMap<String, usize>) {
        self.stop.request("enough");
        self.thread.join().expect("no panic");
        let counts = std::mem::take(&mut *self.counts.lock().expect("no panic"));
        (counts.requests, counts.lost)
    }
}

struct Client {
    habits: Habits,
    ports: Vec<u16>,
    picks: bool,
    random: Random,
    stop: ShutdownSignal,
    counts: Arc<Mutex<Counts>>,
}

impl Client {
    async fn run(mut self) {
        let mut kept: Option<Connection> = None;
        while !self.stop.is_requested() {
            sleep(Duration::from_micros(self.random.below(self.habits.pause))).await;
            kept = kept.take().filter(Connection::is_open);
            let result = self.request(kept.take()).await;
            let mut counts = self.counts.lock().expect("no panic");
            counts.requests += 1;
            match result {
                Ok(connection) => kept = connection,
                Err(how) => *counts.lost.entry(how).or_default() += 1,
            }
        }
    }

    /// Returns the connection if it stays open, or how the request was lost.
    async fn request(&mut self, kept: Option<Connection>) -> Result<Option<Connection>, String> {
        let request = self.compose();
        let mut connection = match kept {
            Some(connection) => connection,
            None => self.connect().await.map_err(|error| format!("{} at connect", error.kind()))?,
        };
        let closes = timeout(LONGEST, connection.request(&request)).await;
        let closes = closes.map_err(|_| "no response in time")??;
        let keeps = self.habits.keeps_connection && !closes && connection.served < REQUESTS;
        Ok(keeps.then_some(connection))
    }

    /// Most requests are short, and a few take long enough to be running at any SIGTERM.
    fn compose(&mut self) -> String {
        let work = match self.random.below(100) {
            _ if self.habits.pause < 10_000 => 5,
            0..82 => 5,
            82..98 => 100,
            _ => 800,
        };
        let close = if self.habits.keeps_connection { "" } else { "connection: close\r\n" };
        match self.random.below(2) {
            0 => format!("GET /work/{work} HTTP/1.1\r\nhost: a\r\n{close}\r\n"),
            _ => format!(
                "POST /work/{work} HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n{close}\r\nbody"
            ),
        }
    }

    async fn connect(&mut self) -> io::Result<Connection> {
        loop {
            let port = self.ports[self.random.below(self.ports.len() as u64) as usize];
            match TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await {
                Err(error) if self.picks && error.kind() == ErrorKind::ConnectionRefused => {}
                connected => {
                    let stream = connected?;
                    stream.set_nodelay(true)?;
                    return Ok(Connection { stream, served: 0 });
                }
            }
        }
    }
}

struct Connection {
    stream: TcpStream,
    served: usize,
}

impl Connection {
    /// Returns whether the server has closed the connection, as the pool of an HTTP client asks before it
    /// uses one again.
    fn is_open(&self) -> bool {
        let mut byte = 0_u8;
        let flags = libc::MSG_PEEK | libc::MSG_DONTWAIT;
        let descriptor = self.stream.as_raw_fd();
        // SAFETY: the pointer is to a live byte.
        let read = unsafe { libc::recv(descriptor, (&raw mut byte).cast(), 1, flags) };
        read < 0 && io::Error::last_os_error().kind() == ErrorKind::WouldBlock
    }

    /// Returns whether the server closes the connection, or how the request was lost.
    async fn request(&mut self, request: &str) -> Result<bool, String> {
        let reused = if self.served > 0 { "a kept connection" } else { "a new connection" };
        let before = |what: &str| format!("{what} before the response, {reused}");
        let written = self.stream.write_all(request.as_bytes()).await;
        written.map_err(|error| before(&error.kind().to_string()))?;
        let mut response = Vec::with_capacity(1024);
        loop {
            match self.stream.read_buf(&mut response).await {
                Ok(0) if response.is_empty() => return Err(before("closed")),
                Err(error) if response.is_empty() => return Err(before(&error.kind().to_string())),
                Ok(0) | Err(_) => return Err("a part of the response".into()),
                Ok(_) => {}
            }
            let Some(head) = response.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
                continue;
            };
            let (head, body) = (String::from_utf8_lossy(&response[..head]), &response[head + 4..]);
            let head = head.to_ascii_lowercase();
            let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
            let length = field("content-length: ").and_then(|length| length.parse().ok());
            if body.len() < length.unwrap_or(usize::MAX) {
                continue;
            }
            let status = head.split(' ').nth(1).unwrap_or("none");
            if status != "200" || body != b"done\n" {
                return Err(format!("status {status}"));
            }
            self.served += 1;
            return Ok(field("connection: ").is_some_and(|value| value.contains("close")));
        }
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}
