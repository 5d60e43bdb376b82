//! Server-sent events, which never end by themselves: drain first, then cut them off.
//!
//! ```sh
//! cargo run --example sse --features tokio
//! ```
//!
//! It prints its address. Read the events with curl from another terminal, and press Ctrl-C or `kill` the
//! process. The server accepts no connection from then on, and the events continue. Two seconds before the
//! deadline of the server the streams say goodbye and end, so the shutdown is clean.
//!
//! ```text
//! listening: curl -N http://127.0.0.1:43210, and then press Ctrl-C
//! draining: SIGINT
//! waiting for main (1.0 s of 4.0 s), Ctrl-C again to quit
//! ```

use std::convert::Infallible;
use std::error::Error;
use std::future::IntoFuture;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, Sse};
use axum::{Router, routing::get};
use futures_lite::stream::{self, Stream};
use signoff::{Hooks, ShutdownSignal, Tokio};
use tokio::net::TcpListener;
use tokio::time::{interval, sleep};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let shutdown = ShutdownSignal::listen(Tokio)?;
    let cut = ShutdownSignal::manual(); // for the streams: later than the shutdown
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening: curl -N http://{}, and then press Ctrl-C", listener.local_addr()?);

    let app = Router::new().route("/", get(events)).with_state(cut.clone());
    let drain = shutdown.clone();
    let server = axum::serve(listener, app)
        .with_graceful_shutdown(async move { println!("draining: {}", reason(drain).await) })
        .into_future();

    Hooks::new()
        .budget(5 * SECOND)
        .hook("database", async || sleep(SECOND / 20).await)
        .within(SECOND)
        .exit_on(shutdown)
        .request_before_deadline(&cut, 2 * SECOND) // the server has 4 s, so it is cut after 2 s
        .run(server)
        .await?;
    Ok(())
}

async fn reason(shutdown: ShutdownSignal) -> String {
    (&shutdown).await;
    shutdown.reason().map(|reason| reason.to_string()).unwrap_or_default()
}

/// An event five times a second, until the signal.
async fn events(
    State(cut): State<ShutdownSignal>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let events = stream::unfold(Some((interval(SECOND / 5), cut)), |state| async {
        let (mut interval, cut) = state?;
        match cut.run_until_requested(interval.tick()).await {
            Some(_) => Some((Event::default().data("tick"), Some((interval, cut)))),
            None => Some((Event::default().data("goodbye"), None)), // the last one
        }
    });
    Sse::new(stream::StreamExt::map(events, Ok))
}
