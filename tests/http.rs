//! The HTTP server and the layers, with real sockets and real signals.
#![cfg(unix)]

#[path = "common/bounded.rs"]
mod bounded;
#[path = "http/http2.rs"]
mod http2;
#[path = "http/layers.rs"]
mod layers;
#[path = "http/limits.rs"]
mod limits;
#[path = "http/server.rs"]
mod server;
#[path = "http/stop.rs"]
mod stop;

use std::thread;
use std::time::{Duration, Instant};

use bounded::BOUND;

/// Waits for something that will be so in a moment.
#[track_caller]
fn until(what: &str, so: impl Fn() -> bool) {
    let deadline = Instant::now() + BOUND;
    while !so() {
        assert!(Instant::now() < deadline, "not so in time: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}
