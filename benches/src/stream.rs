//! From `raise` until a program that waits for signals again and again has the next one, on one thread.

use std::time::Instant;

use futures_lite::StreamExt;
use signal_hook_tokio::Signals as HookTokio;
use signoff::{Blocking, Signal, Signals, Tokio};
use tokio::signal::unix::{SignalKind, signal};

use crate::stats::{median, short, table};

const ROUNDS: usize = 20_000;

/// `next` returns when the signal is there.
fn measure(name: &str, mut next: impl FnMut()) -> Vec<String> {
    let mut times = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let start = Instant::now();
        // SAFETY: a plain number.
        unsafe { libc::raise(libc::SIGHUP) };
        next();
        times.push(start.elapsed().as_nanos() as f64);
    }
    vec![name.into(), short(median(&mut times) / 1000.0)]
}

pub fn print() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("tokio");
    let _inside = runtime.enter();
    let mut rows = Vec::new();
    let mut theirs = signal(SignalKind::hangup()).expect("tokio");
    rows.push(measure("tokio::signal", || _ = runtime.block_on(theirs.recv())));
    drop(theirs);
    let mut theirs = HookTokio::new([libc::SIGHUP]).expect("signal-hook-tokio");
    rows.push(measure("signal-hook-tokio", || _ = runtime.block_on(theirs.next())));
    drop(theirs);
    let mut theirs = signal_hook::iterator::Signals::new([libc::SIGHUP]).expect("signal-hook");
    rows.push(measure("signal-hook iterator", || _ = theirs.forever().next()));
    // Last: without a listener of its own, signoff restores the default action, which ends the process.
    let hangup = || Signals::new([Signal::Hangup]).even_if_ignored();
    let mut stream = hangup().stream(Tokio).expect("signoff");
    rows.push(measure("**signoff, tokio**", || _ = runtime.block_on(stream.recv())));
    drop(stream);
    let mut stream = hangup().stream(Blocking).expect("signoff");
    rows.push(measure("**signoff, blocking**", || _ = stream.wait()));
    drop(stream);
    table("A signal that repeats", &["from the signal to the program, µs", "median"], &rows);
}
