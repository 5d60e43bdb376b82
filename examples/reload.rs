//! A server that reads its configuration again on SIGHUP, without a restart.
//!
//! ```sh
//! echo hello > greeting.txt
//! cargo run --example reload --features tokio -- greeting.txt
//! ```
//!
//! It prints its address and its process id. Connect with `nc` and type a name. Write another
//! greeting to the file and send SIGHUP: clients of the old configuration are disconnected, and new ones
//! get the new greeting. If the file is empty, the server keeps its greeting. Ctrl-C or `kill` stops it.
//! `main` returns the report, which is printed even if it is clean.
//!
//! ```text
//! listening: nc 127.0.0.1 43210, reload: kill -HUP 4242
//! kept the old configuration: no greeting in greeting.txt
//! reloaded: good evening
//! stopping: SIGTERM from pid 4711 (uid 1000)
//! 1 of 1 hooks done in 0 ms of 8.0 s, requested by SIGTERM from pid 4711 (uid 1000)
//! 1  clients  |.                           |  done            0 ms
//! ```

use std::error::Error;
use std::sync::Arc;
use std::{env, io, process};

use signoff::{Hooks, InFlight, Report, ShutdownSignal, Signal, Signals, Tokio};
use tokio::fs;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

#[tokio::main]
async fn main() -> Result<Report, Box<dyn Error>> {
    let path = env::args().nth(1).ok_or("usage: reload FILE")?;
    let shutdown = ShutdownSignal::listen(Tokio)?;
    // Before the file is read: a change that is made meanwhile is not missed.
    let mut hangups = Signals::new([Signal::Hangup]).even_if_ignored().stream(Tokio)?;
    let mut greeting = read_greeting(&path).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let (address, pid) = (listener.local_addr()?, process::id());
    println!("listening: nc {} {}, reload: kill -HUP {pid}", address.ip(), address.port());

    let in_flight = InFlight::new();
    let mut generation = shutdown.child(); // the clients of one configuration
    let mut stop = shutdown.clone();
    loop {
        tokio::select! {
            () = &mut stop => break,
            _ = hangups.recv() => match read_greeting(&path).await {
                Ok(new) => {
                    println!("reloaded: {new}");
                    greeting = new;
                    generation.request("reloaded"); // this part only
                    generation = shutdown.child();
                }
                Err(error) => println!("kept the old configuration: {error}"),
            },
            accepted = listener.accept() => {
                let (stream, client) = accepted?;
                let guard = in_flight.enter(format!("client {client}"));
                let (generation, greeting) = (generation.clone(), Arc::clone(&greeting));
                tokio::spawn(async move {
                    let _guard = guard;
                    serve(stream, &greeting, &generation).await
                });
            }
        }
    }

    drop(listener);
    println!("stopping: {}", shutdown.wait()); // already requested, so this returns at once
    Ok(Hooks::new().hook("clients", move || in_flight.drained()).run_on(shutdown).await)
}

async fn read_greeting(path: &str) -> io::Result<Arc<str>> {
    let text = fs::read_to_string(path).await?;
    match text.trim() {
        "" => Err(io::Error::other(format!("no greeting in {path}"))),
        greeting => Ok(greeting.into()),
    }
}

async fn serve(
    mut stream: TcpStream,
    greeting: &str,
    generation: &ShutdownSignal,
) -> io::Result<()> {
    let (read, mut write) = stream.split();
    let mut lines = BufReader::new(read).lines();
    while let Some(line) = generation.run_until_requested(lines.next_line()).await {
        let Some(name) = line? else { return Ok(()) };
        write.write_all(format!("{greeting}, {name}\n").as_bytes()).await?;
    }
    write.write_all(format!("goodbye: {}\n", generation.wait()).as_bytes()).await
}
