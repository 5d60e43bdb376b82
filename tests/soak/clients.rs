//! Clients that send requests until they are stopped.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::common::BOUND;

const CLIENTS: usize = 8;
/// A connection is closed after so many requests, if no reload closes it first.
const REQUESTS: usize = 25;
/// The load is to last, not to be high.
const PAUSE: Duration = Duration::from_millis(10);

pub(crate) struct Clients {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<usize>>,
}

impl Clients {
    pub(crate) fn start(address: SocketAddr) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let client = |_| {
            let stop = Arc::clone(&stop);
            thread::spawn(move || client(address, &stop))
        };
        Self { threads: (0..CLIENTS).map(client).collect(), stop: Arc::clone(&stop) }
    }

    /// Returns how many requests were answered.
    pub(crate) fn stop(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
    }
}

fn client(address: SocketAddr, stop: &AtomicBool) -> usize {
    let mut answered = 0;
    while !stop.load(Ordering::Relaxed) {
        let mut connection = Connection::open(address).expect("the service accepts");
        for _ in 0..REQUESTS {
            match connection.request("work").expect("a line").as_str() {
                "done" => answered += 1,
                "goodbye" => break,
                other => panic!("the service said {other:?}"),
            }
            thread::sleep(PAUSE);
        }
    }
    answered
}

pub(crate) struct Connection(BufReader<TcpStream>);

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(BOUND))?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Returns the answer, or the `goodbye` of a service that has not taken the request any more.
    pub(crate) fn request(&mut self, name: &str) -> io::Result<String> {
        // A service that is about to close the connection has said why.
        let _ = self.0.get_mut().write_all(format!("{name}\n").as_bytes());
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }
}
