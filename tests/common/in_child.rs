//! What children do.

use std::sync::mpsc::{self, Receiver};
use std::{panic, thread};

use signoff::Report;
use signoff::hooks::Event;

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

/// An observer, and what receives something each time it hears what runs.
pub(crate) fn ticks() -> (impl FnMut(&Event) + Send + 'static, Receiver<()>) {
    let (tick, ticks) = mpsc::channel();
    let observer = move |event: &Event| {
        if matches!(event, Event::Running(_)) {
            let _ = tick.send(()); // the test may have seen enough
        }
    };
    (observer, ticks)
}
