//! Instances stop and start one after the other while clients send requests. None is lost, except for a
//! rare new connection that arrives between the last `accept` and the close of the listener.
#![cfg(unix)]

mod common;

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use axum::Router;
use axum::routing::any;
use common::{BOUND, Child, cases, say, say_outcomes, until};
use libc::SIGTERM;
use signoff::http::Server;
use signoff::{Hooks, ShutdownSignal, Tokio};
use tokio::net::TcpListener;
use tokio::runtime::Builder;

const RESTARTS: usize = 10;
const INSTANCES: usize = 3;
/// Between two restarts, so that clients are spread over all instances.
const REQUESTS: usize = 500;

/// New connections that were reset. A connection may arrive in the microseconds between the last `accept`
/// and the close of the listener. Such a reset was seen in about one of 130 restarts.
const MOST_RESET: usize = 2;

const KEEP_ALIVE: usize = 32;
const SHORT_LIVED: usize = 12;
/// So many of those that keep their connection are idle for most of the time.
const IDLE: usize = 8;
/// What a client knows about its connection is so old when its request arrives, as on a network.
const LATENCY: Duration = Duration::from_millis(2);
/// On each connection of a client that keeps it.
const REQUESTS_KEPT: usize = 50;

cases! {
    rolling_restarts_lose_no_request: |case| {
        let start = || {
            let child = case.start();
            let address: SocketAddr = child.line().parse().expect("an address");
            (child, address)
        };
        let (mut instances, addresses): (Vec<Child>, Vec<_>) =
            (0..INSTANCES).map(|_| start()).unzip();
        let load = Load::start(addresses);
        for restart in 0..RESTARTS {
            load.serves(REQUESTS);
            let place = restart % INSTANCES;
            let stopped = instances.remove(place);
            stopped.kill(SIGTERM);
            stopped.expect("main: done");
            stopped.exits_with(0);
            let (child, address) = start();
            instances.insert(place, child);
            load.addresses.lock().unwrap()[place] = address;
        }
        load.serves(REQUESTS);
        let lost = load.stop();
        let (reset, lost): (Vec<_>, Vec<_>) =
            lost.into_iter().partition(|lost| lost.used == 0 && is_reset(&lost.error));
        assert!(lost.is_empty(), "{} requests were lost: {lost:#?}", lost.len());
        assert!(reset.len() <= MOST_RESET, "new connections were reset: {reset:#?}");
    }, || {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let shutdown = ShutdownSignal::listen(Tokio).unwrap();
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            say(listener.local_addr().unwrap());
            let app = Router::new().route("/", any(async |_: String| {
                tokio::time::sleep(Duration::from_millis(5)).await;
                "done"
            }));
            let hooks = Hooks::new().budget(BOUND).exit_on(shutdown).quiet();
            let ended = hooks.on_report(|report| say_outcomes(&report)).serve(Server::new(listener, app)).await;
            panic!("the process exits before: {ended:?}");
        });
    };
}

/// A request that a client lost.
#[derive(Debug)]
struct Lost {
    /// Responses before it on the same connection.
    used: usize,
    error: io::Error,
}

fn is_reset(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)
}

/// Clients in threads of their own.
struct Load {
    /// Where the instances are. A client that is refused by one takes another.
    addresses: Arc<Mutex<Vec<SocketAddr>>>,
    served: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Vec<Lost>>>,
}

impl Load {
    fn start(addresses: Vec<SocketAddr>) -> Self {
        let (addresses, served) = (Arc::new(Mutex::new(addresses)), Arc::default());
        let mut load = Self { addresses, served, stop: Arc::default(), clients: Vec::new() };
        for number in 0..KEEP_ALIVE + SHORT_LIVED {
            let (addresses, served) = (Arc::clone(&load.addresses), Arc::clone(&load.served));
            let (keeps, pause) =
                (number < KEEP_ALIVE, if number < IDLE { 150_000 } else { 10_000 });
            let mut client = Client { keeps, pause, number, addresses, served };
            let stop = Arc::clone(&load.stop);
            load.clients.push(thread::spawn(move || client.run(&stop)));
        }
        load
    }

    /// Waits until this number of further requests is served.
    #[track_caller]
    fn serves(&self, requests: usize) {
        let enough = self.served.load(Relaxed) + requests;
        until("clients are served", || self.served.load(Relaxed) >= enough);
    }

    /// Returns the requests that were lost.
    fn stop(self) -> Vec<Lost> {
        self.stop.store(true, Relaxed);
        self.clients.into_iter().flat_map(|client| client.join().expect("no panic")).collect()
    }
}

struct Client {
    keeps: bool,
    /// Between two requests, in microseconds at most.
    pause: usize,
    /// Any number, so that clients differ.
    number: usize,
    addresses: Arc<Mutex<Vec<SocketAddr>>>,
    served: Arc<AtomicUsize>,
}

impl Client {
    fn run(&mut self, stop: &AtomicBool) -> Vec<Lost> {
        let (mut kept, mut lost) = (None::<Connection>, Vec::new());
        while !stop.load(Relaxed) {
            thread::sleep(Duration::from_micros(self.any(self.pause) as u64));
            let open = kept.take().filter(Connection::is_open);
            let used = open.as_ref().map_or(0, |connection| connection.served);
            match self.request(open) {
                Ok(connection) => {
                    kept = connection;
                    self.served.fetch_add(1, Relaxed);
                }
                Err(error) => lost.push(Lost { used, error }),
            }
        }
        lost
    }

    /// Returns the connection if it stays open. Does not try again: a POST may have been executed.
    fn request(&mut self, open: Option<Connection>) -> io::Result<Option<Connection>> {
        let mut connection = open.map_or_else(|| self.connect(), Ok)?;
        thread::sleep(LATENCY);
        let connection_field = if self.keeps { "" } else { "connection: close\r\n" };
        let closes = connection.request(connection_field, self.any(2) == 0)?;
        let keeps = self.keeps && !closes && connection.served < REQUESTS_KEPT;
        Ok(keeps.then_some(connection))
    }

    fn connect(&mut self) -> io::Result<Connection> {
        loop {
            let place = self.any(INSTANCES);
            let address = self.addresses.lock().unwrap()[place];
            match TcpStream::connect(address) {
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
                connected => return Connection::new(connected?),
            }
        }
    }

    /// Returns any number below `end`.
    fn any(&mut self, end: usize) -> usize {
        self.number = self.number.wrapping_mul(0x5851_f42d).wrapping_add(0x1405_7b7f);
        (self.number >> 8) % end
    }
}

struct Connection {
    stream: TcpStream,
    served: usize,
}

impl Connection {
    fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(BOUND))?;
        Ok(Self { stream, served: 0 })
    }

    /// Returns whether the server has not closed it, as far as the client can know.
    fn is_open(&self) -> bool {
        self.stream.set_nonblocking(true).unwrap();
        let peeked = self.stream.peek(&mut [0]);
        self.stream.set_nonblocking(false).unwrap();
        peeked.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }

    /// Returns whether the server is about to close the connection.
    fn request(&mut self, field: &str, is_post: bool) -> io::Result<bool> {
        let (method, body) = if is_post { ("POST", "body") } else { ("GET", "") };
        let length = body.len();
        let head = format!("{method} / HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n");
        self.stream.write_all(format!("{head}{field}\r\n{body}").as_bytes())?;
        let (mut response, mut bytes) = (String::new(), [0; 1024]);
        while !response.ends_with("\r\n\r\ndone") {
            match self.stream.read(&mut bytes)? {
                0 => return Err(io::Error::other(format!("closed after {response:?}"))),
                read => response += &String::from_utf8_lossy(&bytes[..read]),
            }
        }
        if !response.starts_with("HTTP/1.1 200 ") {
            return Err(io::Error::other(response));
        }
        self.served += 1;
        Ok(response.to_ascii_lowercase().contains("\r\nconnection: close\r\n"))
    }
}
