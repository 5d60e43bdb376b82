//! A server that sends back every line, and says goodbye when it stops.
//!
//! ```sh
//! cargo run --example async_std --features async-std
//! ```
//!
//! It prints its address. Connect with `nc`, type a few lines, and press Ctrl-C in the terminal of
//! the server (or `kill` it): every client gets a goodbye, and then the server exits. A second Ctrl-C
//! ends it immediately.
//!
//! ```text
//! listening: nc 127.0.0.1 43210, and then press Ctrl-C here
//! client 127.0.0.1:50812
//! stopping: SIGINT
//! stopped: every client was told
//! ```

use std::error::Error;

use async_std::io::{self, BufReadExt, BufReader, WriteExt};
use async_std::net::{TcpListener, TcpStream};
use async_std::{channel, stream::StreamExt, task};
use signoff::{AsyncStd, ShutdownSignal};

fn main() -> Result<(), Box<dyn Error>> {
    task::block_on(run(ShutdownSignal::listen(AsyncStd)?))
}

async fn run(shutdown: ShutdownSignal) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    println!("listening: nc {} {}, and then press Ctrl-C here", address.ip(), address.port());

    let (connected, all_gone) = channel::bounded::<()>(1);
    while let Some(accepted) = shutdown.run_until_requested(listener.accept()).await {
        let (stream, client) = accepted?;
        println!("client {client}");
        let (shutdown, connected) = (shutdown.clone(), connected.clone());
        task::spawn(async move {
            let _connected = connected; // until this client is done
            serve(stream, shutdown).await
        });
    }

    drop((listener, connected)); // from here on a new connection is refused
    println!("stopping: {}", shutdown.wait()); // already requested, so this returns at once
    let _ = all_gone.recv().await; // fails when all senders are dropped: every client is done
    println!("stopped: every client was told");
    Ok(())
}

async fn serve(mut stream: TcpStream, shutdown: ShutdownSignal) -> io::Result<()> {
    let mut lines = BufReader::new(stream.clone()).lines();
    while let Some(Some(line)) = shutdown.run_until_requested(lines.next()).await {
        stream.write_all(format!("{}\n", line?).as_bytes()).await?;
    }
    stream.write_all(b"goodbye\n").await
}
