//! Output at the end of a process, where nobody may read it any more.

use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

/// How long anybody waits for a pipe that nobody reads.
pub(super) const PATIENCE: Duration = Duration::from_millis(500);

/// Prints lines on standard error; errors have nowhere to go.
pub(super) fn eprint(text: &str) {
    // A terminal shows `^C` where the cursor is; the text begins in the place of that.
    let start = if io::stderr().is_terminal() { "\r" } else { "" };
    let text = format!("{start}{text}\n");
    let printed = begin(move || drop(io::stderr().write_all(text.as_bytes())));
    let _ = printed.recv_timeout(PATIENCE);
}

/// Runs `f` on a thread of its own: it may well hang. The receiver hears of its end, be it by
/// being disconnected; at once, where the system refuses the thread.
pub(super) fn begin(f: impl FnOnce() + Send + 'static) -> Receiver<()> {
    let (ended, end) = mpsc::sync_channel(1);
    let work = move || {
        f();
        let _ = ended.send(()); // nobody may wait any more
    };
    let _ = thread::Builder::new().name("signoff-output".into()).spawn(work);
    end
}
