//! A systemd service that reports when it is ready, reloads on SIGHUP, and stops within its own budget.
//!
//! ```sh
//! cargo build --example systemd --features systemd,blocking
//! ```
//!
//! ```ini
//! [Service]
//! Type=notify-reload
//! ExecStart=/path/to/target/debug/examples/systemd
//! TimeoutStopSec=2
//! ```
//!
//! The queue takes three seconds. The budget is four, and systemd grants that in place of the two
//! seconds of `TimeoutStopSec`. Meanwhile `systemctl status` shows:
//!
//! ```text
//! Status: "waiting for queue (1.0 s of 4.0 s; in flight: job 7 (1.5 s))"
//! ```

use std::{thread, time::Duration};

use signoff::{Blocking, Error, Hooks, InFlight, ShutdownSignal, Signal, Signals, systemd};

fn main() -> Result<(), Error> {
    let shutdown = ShutdownSignal::listen(Blocking)?;
    let mut reload = Signals::new([Signal::Hangup]).stream(Blocking)?;
    let jobs = InFlight::new();
    let job = jobs.enter("job 7");

    let guard = Hooks::new()
        .budget(Duration::from_secs(4))
        .hook("queue", move || jobs.drained())
        .observe(systemd::observer())
        .exit_on(shutdown.clone())
        .start()?;

    thread::spawn(move || {
        while reload.wait() == Signal::Hangup {
            systemd::reloading();
            println!("reloaded"); // read the configuration here
            systemd::ready();
        }
    });
    systemd::ready();
    println!("ready: press Ctrl-C");

    shutdown.wait();
    thread::sleep(Duration::from_secs(3)); // the rest of the job
    drop(job);
    guard.join();
    Ok(())
}
