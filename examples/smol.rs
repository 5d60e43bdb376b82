//! A small HTTP server that completes its in-flight responses.
//!
//! ```sh
//! cargo run --example smol --features smol
//! ```
//!
//! It prints its address. Send a request with curl from another terminal: a response takes two seconds.
//! Meanwhile press Ctrl-C or `kill` the process: curl still gets its response, and then the server exits.
//! A second Ctrl-C ends it immediately.
//!
//! ```text
//! listening: curl http://127.0.0.1:43210, and then press Ctrl-C
//! request from 127.0.0.1:50812
//! stopping: SIGINT
//! stopped: every answer was sent
//! ```

use std::{error::Error, io, time::Duration};

use signoff::{ShutdownSignal, Smol};
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::net::{TcpListener, TcpStream};
use smol::{Task, Timer};

fn main() -> Result<(), Box<dyn Error>> {
    smol::block_on(run(ShutdownSignal::listen(Smol)?))
}

async fn run(shutdown: ShutdownSignal) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening: curl http://{}, and then press Ctrl-C", listener.local_addr()?);

    let mut connections = Vec::new();
    while let Some(accepted) = shutdown.run_until_requested(listener.accept()).await {
        connections.retain(|connection: &Task<_>| !connection.is_finished());
        connections.push(smol::spawn(serve(accepted?.0, shutdown.clone())));
    }

    drop(listener); // from here on a new connection is refused
    println!("stopping: {}", shutdown.wait()); // already requested, so this returns at once
    for connection in connections {
        let _ = connection.await; // an error is a client that is gone
    }
    println!("stopped: every answer was sent");
    Ok(())
}

async fn serve(mut stream: TcpStream, shutdown: ShutdownSignal) -> io::Result<()> {
    // At the shutdown, a connection without a request is closed.
    let mut request = [0; 1024];
    let Some(read) = shutdown.run_until_requested(stream.read(&mut request)).await else {
        return Ok(());
    };
    if read? > 0 {
        println!("request from {}", stream.peer_addr()?);
        Timer::after(Duration::from_secs(2)).await;
        let answer = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 6\r\n\r\nhello\n";
        stream.write_all(answer.as_bytes()).await?;
    }
    Ok(())
}
