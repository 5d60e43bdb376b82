//! What may hang where the code is wrong.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;
use std::{panic, thread};

/// Nothing in these tests takes nearly as long, on any machine.
const BOUND: Duration = Duration::from_secs(30);

/// Runs `f` on a thread of its own. One that hangs is left behind, and fails its test.
pub(crate) fn bounded<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> T {
    let (alive, ended) = mpsc::channel::<()>();
    let thread = thread::spawn(move || {
        let _alive = alive; // dropped at the end, also by a panic
        f()
    });
    assert_ne!(ended.recv_timeout(BOUND), Err(RecvTimeoutError::Timeout), "it hangs");
    thread.join().unwrap_or_else(|panic| panic::resume_unwind(panic))
}
