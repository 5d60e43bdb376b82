//! A small HTTP server that completes its in-flight responses.
//!
//! ```sh
//! cargo run --example tokio --features tokio
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
//! 2 of 2 hooks done in 1.9 s of 8.0 s, requested by SIGINT
//! 1  answers   |=====                       |  done           1.6 s
//! 2  database  |     =                      |  done          301 ms
//! ```

use std::{error::Error, io, time::Duration};

use signoff::{Hooks, InFlight, Report, ShutdownSignal, Tokio};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time;

#[tokio::main]
async fn main() -> Result<Report, Box<dyn Error>> {
    let shutdown = ShutdownSignal::listen(Tokio)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening: curl http://{}, and then press Ctrl-C", listener.local_addr()?);

    let in_flight = InFlight::new();
    while let Some(accepted) = shutdown.run_until_requested(listener.accept()).await {
        let (stream, client) = accepted?;
        let (shutdown, guard) = (shutdown.clone(), in_flight.enter(format!("client {client}")));
        tokio::spawn(async move {
            let _guard = guard; // it is in flight until here
            serve(stream, shutdown).await
        });
    }

    drop(listener); // from here on a new connection is refused
    println!("stopping: {}", shutdown.wait()); // already requested, so this returns at once
    let report = Hooks::new()
        .hook("answers", move || in_flight.drained())
        .then()
        .hook("database", async || time::sleep(Duration::from_millis(300)).await)
        .within(Duration::from_secs(1))
        .run_on(shutdown)
        .await;
    if report.is_clean() {
        println!("stopped: every answer was sent");
    }
    Ok(report) // prints the timeline, and is the exit status
}

async fn serve(mut stream: TcpStream, shutdown: ShutdownSignal) -> io::Result<()> {
    // At the shutdown, a connection without a request is closed.
    let mut request = [0; 1024];
    let Some(read) = shutdown.run_until_requested(stream.read(&mut request)).await else {
        return Ok(());
    };
    if read? > 0 {
        println!("request from {}", stream.peer_addr()?);
        time::sleep(Duration::from_secs(2)).await;
        let answer = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 6\r\n\r\nhello\n";
        stream.write_all(answer.as_bytes()).await?;
    }
    Ok(())
}
