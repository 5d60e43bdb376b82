//! The events and the span of `tracing` during a shutdown.
//!
//! ```text
//! cargo run --example tracing --features tracing,blocking
//! ```
//!
//! Press Ctrl-C. The process exits after a second with status 1. The last event is the report:
//!
//! ```text
//! INFO shutdown{reason="SIGINT"}: shutdown started hooks=3 budget_ms=2000
//! INFO shutdown{reason="SIGINT"}: hook started hook="cache" stage=1
//! INFO shutdown{reason="SIGINT"}: hook started hook="requests" stage=1
//! INFO shutdown{reason="SIGINT"}: writing 3 entries
//! INFO shutdown{reason="SIGINT"}: hook ended hook="cache" stage=1 outcome="done" took_ms=100
//! WARN shutdown{reason="SIGINT"}: hook ended hook="requests" stage=1 outcome="timed out" took_ms=999 in_flight="GET /report (2.1 s)"
//! INFO shutdown{reason="SIGINT"}: hook started hook="database" stage=2
//! WARN shutdown{reason="SIGINT"}: hook ended hook="database" stage=2 outcome="failed" took_ms=0 error="connection refused"
//! INFO shutdown{reason="SIGINT"}: shutdown ended clean=false took_ms=1000
//! ERROR 1 of 3 hooks done in 1.0 s of 2.0 s, requested by SIGINT
//! 1  cache     |=                           |  done          100 ms
//!    requests  |==============              |  timed out      1.0 s
//!              | in flight: GET /report (2.1 s)
//! 2  database  |              .             |  failed          0 ms
//!              | connection refused
//! ```

use std::io;
use std::thread;
use std::time::Duration;

use signoff::{Blocking, Error, Hooks, InFlight, ShutdownSignal};

fn main() -> Result<(), Error> {
    tracing_subscriber::fmt().with_writer(io::stderr).with_target(false).without_time().init();

    let shutdown = ShutdownSignal::listen(Blocking)?;
    let requests = InFlight::new();
    let drained = requests.drained();
    let _stuck = requests.enter("GET /report");

    let guard = Hooks::new()
        .budget(Duration::from_secs(2))
        .blocking("cache", || {
            tracing::info!("writing 3 entries"); // on a thread of its own
            thread::sleep(Duration::from_millis(100));
        })
        .hook("requests", || drained)
        .then()
        .hook("database", async || Err::<(), _>(io::Error::other("connection refused")))
        .exit_on(shutdown.clone())
        .start()?;

    println!("press Ctrl-C");
    shutdown.wait();
    guard.join();
    Ok(())
}
