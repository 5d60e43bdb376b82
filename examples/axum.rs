//! An axum server with graceful shutdown.
//!
//! ```sh
//! cargo run --example axum --features tokio
//! ```
//!
//! It prints its address. Ask it with curl from another terminal: an answer takes two seconds. Press
//! Ctrl-C meanwhile (or `kill` the process): curl still gets its answer, and then the server ends.
//! Press Ctrl-C once more and it ends at once, with status 130.
//!
//! ```text
//! listening: curl http://127.0.0.1:43210, and then press Ctrl-C
//! request
//! stopping: SIGTERM from pid 4242 (uid 1000)
//! stopped: every answer was sent
//! ```

use std::{error::Error, time::Duration};

use axum::{Router, routing::get};
use signoff::{ShutdownSignal, Tokio};
use tokio::{net::TcpListener, time};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let shutdown = ShutdownSignal::listen(Tokio)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening: curl http://{}, and then press Ctrl-C", listener.local_addr()?);

    tokio::spawn(tell(shutdown.clone()));
    axum::serve(listener, Router::new().route("/", get(slow)))
        .with_graceful_shutdown(shutdown)
        .await?;
    println!("stopped: every answer was sent");
    Ok(())
}

async fn slow() -> &'static str {
    println!("request");
    time::sleep(Duration::from_secs(2)).await;
    "hello\n"
}

async fn tell(shutdown: ShutdownSignal) {
    (&shutdown).await;
    if let Some(reason) = shutdown.reason() {
        println!("stopping: {reason}");
    }
}
