//! Requests a second of a server on one core, with clients on the other.

use std::io::{BufRead, BufReader, Write};
use std::net::Ipv4Addr;
use std::process::Child;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use signoff::http::Server;
use signoff::{Hooks, InFlight, ShutdownSignal, Tokio};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

use crate::first_signal::start;
use crate::machine;
use crate::stats::{Shuffle, median, ratio, short, table};
use crate::waiters::current_thread;

/// Of each contender, one after the other: where its memory lies makes one faster than another.
const PROCESSES: usize = 6;
/// With each process.
const ROUNDS: usize = 8;
const ROUND: Duration = Duration::from_millis(300);
const CONNECTIONS: usize = 32;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";

type Contender = (&'static str, fn(TcpListener, Router, ShutdownSignal) -> Serving);
type Serving = std::pin::Pin<Box<dyn Future<Output = ()>>>;

const CONTENDERS: &[Contender] = &[
    ("axum::serve", |listener, app, shutdown| {
        Box::pin(async {
            axum::serve(listener, app).with_graceful_shutdown(shutdown).await.unwrap();
        })
    }),
    ("**signoff, http::Server**", |listener, app, shutdown| {
        Box::pin(async {
            Hooks::new().exit_on(shutdown).serve(Server::new(listener, app)).await.unwrap();
        })
    }),
    ("axum::serve with **signoff's InFlight::layer**", |listener, app, shutdown| {
        Box::pin(async {
            let app = app.layer(InFlight::new().layer());
            axum::serve(listener, app).with_graceful_shutdown(shutdown).await.unwrap();
        })
    }),
];

pub fn child(contender: &str) {
    let (_, serve) = CONTENDERS.iter().find(|(name, _)| *name == contender).expect("a contender");
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(1).enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let shutdown = ShutdownSignal::listen(Tokio).expect("handlers");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let port = listener.local_addr().expect("it is bound").port();
        writeln!(std::io::stdout(), "{port}").expect("the parent reads it");
        serve(listener, Router::new().route("/", get(async || "hello\n")), shutdown).await;
    });
}

/// A server, and clients that are connected to it.
struct Contest {
    process: Child,
    connections: Vec<TcpStream>,
}

impl Contest {
    fn start(contender: &str, runtime: &Runtime) -> Self {
        machine::pin(1); // inherited
        let mut process = start("requests", contender);
        machine::pin(0);
        let mut line = String::new();
        let output = process.stdout.take().expect("piped");
        BufReader::new(output).read_line(&mut line).expect("a line");
        let port: u16 = line.trim().parse().expect("a port");
        let connections = runtime.block_on(async {
            let mut connections = Vec::new();
            for _ in 0..CONNECTIONS {
                let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await;
                let stream = stream.expect("it listens");
                stream.set_nodelay(true).expect("an option of TCP");
                connections.push(stream);
            }
            connections
        });
        Self { process, connections }
    }

    /// Returns the requests a second, and the microseconds of a processor for each.
    fn round(&mut self, runtime: &Runtime) -> [f64; 2] {
        let before = machine::cpu_time(self.process.id());
        let start = Instant::now();
        let requests = runtime.block_on(async {
            let end = tokio::time::Instant::now() + ROUND;
            let streams = std::mem::take(&mut self.connections).into_iter();
            let clients: Vec<_> = streams.map(|stream| tokio::spawn(ask(stream, end))).collect();
            let mut requests = 0;
            for client in clients {
                let (stream, asked) = client.await.expect("all requests are answered");
                self.connections.push(stream);
                requests += asked;
            }
            requests as f64
        });
        let rate = requests / start.elapsed().as_secs_f64();
        let used = machine::cpu_time(self.process.id()) - before;
        [rate, used.as_secs_f64() * 1e6 / requests]
    }
}

impl Drop for Contest {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Sends one request after the other, and returns how many were answered.
async fn ask(mut stream: TcpStream, end: tokio::time::Instant) -> (TcpStream, usize) {
    let (mut response, mut requests) = (Vec::with_capacity(1024), 0);
    while tokio::time::Instant::now() < end {
        stream.write_all(REQUEST).await.expect("it is open");
        response.clear();
        while !response.ends_with(b"hello\n") {
            assert_ne!(stream.read_buf(&mut response).await.expect("it is open"), 0);
        }
        requests += 1;
    }
    (stream, requests)
}

pub fn print() {
    let runtime = current_thread();
    let mut shuffle = Shuffle::new();
    let mut figures = vec![<[Vec<f64>; 2]>::default(); CONTENDERS.len()];
    for _ in 0..PROCESSES {
        let start = |(name, _): &Contender| Contest::start(name, &runtime);
        let mut contests: Vec<Contest> = CONTENDERS.iter().map(start).collect();
        for _ in 0..ROUNDS {
            for contender in shuffle.order(CONTENDERS.len()) {
                let [rate, cost] = contests[contender].round(&runtime);
                let [rates, costs] = &mut figures[contender];
                rates.push(rate);
                costs.push(cost);
            }
        }
    }
    machine::unpin();
    let medians: Vec<[f64; 2]> =
        figures.iter_mut().map(|both| both.each_mut().map(|figures| median(figures))).collect();
    let [base_rate, base_cost] = medians[0];
    let rows: Vec<Vec<String>> = CONTENDERS
        .iter()
        .zip(&medians)
        .map(|((name, _), [rate, cost])| {
            let rates = [short(*rate), ratio(*rate, base_rate)];
            let costs = [short(*cost), ratio(*cost, base_cost)];
            std::iter::once((*name).into()).chain(rates).chain(costs).collect()
        })
        .collect();
    let over = "over axum::serve";
    let head = ["one route, keep-alive", "requests a second", over, "server, µs of CPU", over];
    table("Requests a second", &head, &rows);
}
