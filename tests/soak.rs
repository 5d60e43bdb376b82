//! A service under load that reloads every second: memory, descriptors and threads do not grow.
//!
//! `SIGNOFF_SOAK=1800 cargo test --release --all-features --test soak -- --nocapture` takes half an
//! hour and prints its samples as a table. Without the variable the test takes a few seconds.
#![cfg(target_os = "linux")]
#![allow(unsafe_code, reason = "real signals, and an allocator that counts")]

#[path = "soak/clients.rs"]
mod clients;
mod common;
#[path = "common/heap.rs"]
mod heap;
#[path = "soak/sample.rs"]
mod sample;
#[path = "soak/service.rs"]
mod service;

use std::env;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use clients::Clients;
use common::{Child, cases};
use libc::{SIGHUP, SIGTERM};
use sample::{Sample, assert_no_growth};

/// Seconds of a run that asks for no other number.
const SECONDS: u64 = 8;
const BETWEEN_RELOADS: Duration = Duration::from_secs(1);

cases! {
    nothing_grows: |case| soak(&case.ready()), service::child;
}

/// Ends with the process: a signal, and a report without failures.
fn soak(child: &Child) {
    let seconds = env::var("SIGNOFF_SOAK").map_or(SECONDS, |time| time.parse().expect("seconds"));
    let address: SocketAddr = child.line().parse().expect("an address");
    let started = Instant::now();
    let (mut samples, mut requests, mut reloads) = (Vec::new(), 0, 0);
    println!("{}", Sample::HEAD);
    while started.elapsed() < Duration::from_secs(seconds) {
        let clients = Clients::start(address);
        // At most 60 samples, each of a service at rest.
        for _ in 0..seconds.div_ceil(60) {
            thread::sleep(BETWEEN_RELOADS);
            child.kill(SIGHUP);
            reloads += 1;
            child.expect(&format!("reload {reloads}"));
        }
        requests += clients.stop();
        let sample = Sample::take(child.pid(), address);
        println!("{}", sample.row(started.elapsed(), requests, reloads));
        samples.push(sample);
    }
    child.kill(SIGTERM);
    child.expect("clean");
    assert!(requests > 0, "no request was answered");
    assert_no_growth(&samples);
}
