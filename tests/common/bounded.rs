//! A bound for what hangs if the code is wrong.
#![allow(dead_code, reason = "each test binary uses its own share")]

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;
use std::{panic, thread};

/// Nothing in these tests takes nearly as long, on any machine.
pub(crate) const BOUND: Duration = Duration::from_secs(30);

/// Runs `f` on a thread of its own. If it hangs, its thread is left behind and the test fails.
#[track_caller]
pub(crate) fn bounded<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> T {
    let (alive, ended) = mpsc::channel::<()>();
    let thread = thread::spawn(move || {
        let _alive = alive; // dropped at the end, even by a panic
        f()
    });
    assert_ne!(ended.recv_timeout(BOUND), Err(RecvTimeoutError::Timeout), "it hangs");
    thread.join().unwrap_or_else(|panic| panic::resume_unwind(panic))
}
