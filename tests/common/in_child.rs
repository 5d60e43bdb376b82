//! What children do.

use std::{panic, thread};

use signoff::Report;

use super::say;

/// Says each hook's name and outcome.
pub(crate) fn say_outcomes(report: &Report) {
    for hook in report.hooks() {
        say(format_args!("{}: {}", hook.name(), hook.outcome()));
    }
}

pub(crate) fn silence_panics() {
    panic::set_hook(Box::new(|_| {}));
}

/// Blocks the thread.
pub(crate) fn block() -> ! {
    loop {
        thread::park();
    }
}
