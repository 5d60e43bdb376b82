//! A server of threads that block in `accept` and `read`: it stops within its budget.
//!
//! ```sh
//! cargo run --example sync_server --features blocking
//! ```
//!
//! It prints its address, and echoes the lines of each client. Press Ctrl-C or `kill` the process: a
//! hook connects to the server, so `accept` returns, and shuts down the clients' sockets for reading, so
//! `read` returns. Each client still gets the answers to the lines that were read.
//!
//! ```text
//! listening: nc 127.0.0.1 43210, and then press Ctrl-C
//! client 1 connected
//! client 1 is done after 2 lines
//! no more clients
//! ```

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::{error::Error, thread, time::Duration};

use signoff::InFlightGuard;
use signoff::{Blocking, Hooks, InFlight, ShutdownSignal};

fn main() -> Result<(), Box<dyn Error>> {
    let shutdown = ShutdownSignal::listen(Blocking)?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    println!("listening: nc {} {}, and then press Ctrl-C", address.ip(), address.port());

    let (clients, in_flight) = (Clients::default(), InFlight::new());
    let (blocked, drained) = (clients.clone(), in_flight.drained());
    let guard = Hooks::new()
        .budget(Duration::from_secs(5))
        .blocking("wake", move || {
            blocked.stop_reading();
            TcpStream::connect(address).map(drop) // `accept` returns
        })
        .then()
        .hook("clients", || drained)
        .exit_on(shutdown.clone())
        .start()?;

    let accepting = in_flight.enter("accept");
    for (id, client) in (1..).zip(listener.incoming()) {
        if shutdown.is_requested() {
            break; // it may be the connection of the hook
        }
        let working = in_flight.enter(format!("client {id}"));
        let started = client.and_then(|client| clients.add(id, client, &shutdown, working));
        if let Err(error) = started {
            shutdown.fail(format!("no more clients: {error}"));
        }
    }
    println!("no more clients");
    drop(accepting);
    guard.join(); // the hooks exit the process
    Ok(())
}

fn serve(id: u32, mut client: &TcpStream) {
    println!("client {id} connected");
    let mut lines = 0;
    for line in BufReader::new(client).lines().map_while(Result::ok) {
        if writeln!(client, "{line}").is_err() {
            break;
        }
        lines += 1;
    }
    println!("client {id} is done after {lines} lines");
}

/// A second handle of each client's socket.
#[derive(Clone, Default)]
struct Clients(Arc<Mutex<HashMap<u32, TcpStream>>>);

impl Clients {
    /// Starts a thread that serves the client.
    fn add(
        &self,
        id: u32,
        client: TcpStream,
        shutdown: &ShutdownSignal,
        working: InFlightGuard,
    ) -> io::Result<()> {
        let handle = client.try_clone()?;
        self.with(|clients| clients.insert(id, handle));
        if shutdown.is_requested() {
            self.stop_reading(); // the hook may have come before this client
        }
        let clients = self.clone();
        thread::Builder::new().spawn(move || {
            serve(id, &client);
            clients.with(|clients| clients.remove(&id));
            drop(working);
        })?;
        Ok(())
    }

    /// A thread that blocks in `read` gets the end of the stream.
    fn stop_reading(&self) {
        self.with(|clients| {
            for client in clients.values() {
                let _ = client.shutdown(Shutdown::Read); // fails if the client is gone
            }
        });
    }

    fn with<T>(&self, f: impl FnOnce(&mut HashMap<u32, TcpStream>) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
