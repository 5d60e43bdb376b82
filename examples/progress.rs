//! A live view of the running hooks, for programs that people start in a terminal.
//!
//! ```sh
//! cargo run --example progress --features progress,blocking
//! ```
//!
//! Press Ctrl-C. Standard error shows each running hook. The view is cleared when the hooks have ended,
//! and a report follows only if it is not clean:
//!
//! ```text
//! stopping: SIGINT, 0 of 3 hooks ended
//! requests  │███                 │  1.3 s of 8.0 s  in flight: GET /report (2.3 s)
//! cache     │████████            │  1.3 s of 3.0 s
//! 8.7 s left, Ctrl-C again to quit
//! ```

use std::{thread, time::Duration};

use signoff::{Blocking, Error, Hooks, InFlight, ShutdownSignal, progress};

fn main() -> Result<(), Error> {
    let shutdown = ShutdownSignal::listen(Blocking)?;
    let requests = InFlight::new();
    let drained = requests.drained();
    let report = requests.enter("GET /report");

    let guard = Hooks::new()
        .budget(Duration::from_secs(10))
        .hook("requests", || drained)
        .blocking("cache", || thread::sleep(Duration::from_secs(2)))
        .within(Duration::from_secs(3))
        .then()
        .blocking("database", || thread::sleep(Duration::from_millis(1500)))
        .within(Duration::from_secs(2))
        .observe(progress::observer())
        .exit_on(shutdown.clone())
        .start()?;

    println!("working: press Ctrl-C");
    shutdown.wait();
    thread::sleep(Duration::from_secs(3)); // the rest of the request
    println!("sent the report");
    drop(report);
    guard.join();
    Ok(())
}
