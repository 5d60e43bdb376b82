//! A chat server that says goodbye to each client when it stops.
//!
//! ```sh
//! cargo run --example chat --features tokio
//! ```
//!
//! It prints its address. Connect a few clients with `nc` and type. Then stop the server with Ctrl-C or
//! `kill`: each client that is still connected gets a goodbye, and the server exits with status 0.
//!
//! ```text
//! listening: nc 127.0.0.1 43210
//! joined: 127.0.0.1:50812
//! ```

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use signoff::{HookSet, Hooks, ShutdownSignal, Tokio};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::sync::broadcast::{self, Sender};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let shutdown = ShutdownSignal::listen(Tokio)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    println!("listening: nc {} {}", address.ip(), address.port());

    let clients = HookSet::new();
    let server = serve(listener, clients.clone(), shutdown.clone());
    Hooks::new()
        .include(&clients) // after `main`, which is the server
        .within(Duration::from_secs(2)) // each of them
        .exit_on(shutdown)
        .run(server)
        .await?;
    Ok(())
}

async fn serve(listener: TcpListener, clients: HookSet, stop: ShutdownSignal) -> io::Result<()> {
    let (room, _) = broadcast::channel(64);
    while let Some(accepted) = stop.run_until_requested(listener.accept()).await {
        let (stream, client) = accepted?;
        let (clients, room) = (clients.clone(), room.clone());
        tokio::spawn(async move {
            let _ = chat(stream, &clients, &room).await; // an error is a client that is gone
            println!("left: {client}");
        });
    }
    Ok(())
}

async fn chat(stream: TcpStream, clients: &HookSet, room: &Sender<String>) -> io::Result<()> {
    let (client, mut messages) = (stream.peer_addr()?, room.subscribe());
    let (read, write) = stream.into_split();
    let write = Arc::new(Mutex::new(write));
    let to_client = Arc::clone(&write);
    let goodbye = async move || to_client.lock().await.write_all(b"goodbye\n").await;
    // Removed when the client leaves.
    let _hook = match clients.hook(client.to_string(), goodbye) {
        Ok(hook) => hook,
        Err(late) => return late.into_hook()().await, // the goodbyes have begun
    };
    println!("joined: {client}");

    let mut lines = BufReader::new(read).lines();
    loop {
        tokio::select! {
            line = lines.next_line() => match line? {
                Some(line) => _ = room.send(format!("{client}: {line}\n")),
                None => return Ok(()),
            },
            message = messages.recv() => if let Ok(message) = message { // else it was too slow
                write.lock().await.write_all(message.as_bytes()).await?;
            },
        }
    }
}
