#![doc = include_str!("../../../features/progress.md")]

// - `view`: the lines of the view, as text.
// - `stderr`: what the program prints beside the view.

mod stderr;
mod view;

use std::io::Write;
use std::time::Duration;

use crate::hooks::{Event, Observer, Running, Started};
use crate::signal::Signal;
use crate::signal::options::ForcedExit;
use crate::signal::reason::Reason;
use crate::util::human_duration::HumanDuration;
use crate::util::os::stderr::RawStderr;
use crate::util::os::terminal_view;
use crate::util::output;
use crate::util::text::{Style, escape};
pub use stderr::{Stderr, stderr};
use view::{Size, View};

// The cursor rests on an empty line above the view, and a frame clears only what is below it. So:
//
// - What the program prints meanwhile moves the view down, and is never cleared, nor is the timeline
//   if this thread is late.
// - After a resize, the cursor is still above the view, even if the terminal has wrapped its lines.
// - A forced exit restores nothing. It erases what is below the cursor, with one write that cannot
//   block (`os/terminal_view.rs`).

/// The time between two frames of the view.
const FRAME: Duration = Duration::from_millis(100);
/// The time between two lines, if there is no view.
const LINE: Duration = Duration::from_secs(1);

/// Returns an observer that shows on standard error which hooks run, and how much time is left.
///
/// It looks now whether standard error is a terminal. Create it at the start of the program.
pub fn observer() -> ProgressObserver {
    ProgressObserver {
        style: Style::of_terminal_on_stderr(),
        forced_exit: ForcedExit::default(),
        view: View::default(),
        is_shown: false,
    }
}

/// Shows the progress of the shutdown. Made by [`observer`].
#[derive(Debug)]
pub struct ProgressObserver {
    /// Of the view. `None` for plain lines.
    style: Option<Style>,
    forced_exit: ForcedExit,
    view: View,
    /// Whether the terminal shows the view.
    is_shown: bool,
}

impl ProgressObserver {
    /// Sets what a second Ctrl-C does. With [`ForcedExit::Never`], the view does not offer it.
    ///
    /// Pass what [`Signals::forced_exit`](crate::Signals::forced_exit) has.
    #[must_use]
    pub fn forced_exit(mut self, forced_exit: ForcedExit) -> Self {
        self.forced_exit = forced_exit;
        self
    }

    fn started(&mut self, started: &Started) {
        self.view = View {
            reason: started.reason().map(ToString::to_string),
            hooks: started.hooks(),
            ended: 0,
            hint: self.hint(started.reason()),
        };
        if self.style.is_none() {
            let left = started.time_left();
            let left = left.map(|left| format!(", {} left", HumanDuration(left)));
            write_line(&format!("{}{}", self.view.title(), left.unwrap_or_default()));
        }
    }

    fn hint(&self, reason: Option<&Reason>) -> Option<&'static str> {
        let is_interrupt =
            |reason: &Reason| matches!(reason, Reason::Signal { signal: Signal::Interrupt, .. });
        match self.forced_exit {
            ForcedExit::Never => None,
            _ if reason.is_some_and(is_interrupt) => Some("Ctrl-C again to quit now"),
            _ => Some("Ctrl-C to quit now"),
        }
    }

    fn running(&mut self, running: &Running) {
        match self.style {
            None => write_line(&running.to_string()),
            Some(style) => {
                self.is_shown = true;
                terminal_view::set_shown(true);
                write(&frame(&self.view.lines(running, Size::of_stderr(), style)));
            }
        }
    }
}

fn write_line(text: &str) {
    write(&output::lines(&escape(text)));
}

/// Ignores errors, which could be shown nowhere.
fn write(text: &str) {
    let _ = RawStderr.write_all(text.as_bytes());
}

/// Draws the lines below the cursor, and returns to where it was.
fn frame(lines: &[String]) -> String {
    let mut frame = "\r\x1b[K".to_owned();
    for line in lines {
        frame += "\r\n";
        frame += line;
        frame += "\x1b[K";
    }
    frame + &format!("\x1b[J\r\x1b[{}A", lines.len())
}

impl Observer for ProgressObserver {
    fn on_event(&mut self, event: &Event) {
        match event {
            Event::Started(started) => self.started(started),
            Event::HookEnded(_) => self.view.ended += 1,
            Event::Running(running) => self.running(running),
            // The hook is in the next `Running`. After the end, this is dropped.
            Event::HookStarted(_) | Event::Ended(_) => {}
        }
    }

    fn interval(&self) -> Duration {
        if self.style.is_some() { FRAME } else { LINE }
    }

    fn shows_progress(&self) -> bool {
        true
    }
}

/// When the hooks have ended, or their run was cancelled: the view is cleared.
impl Drop for ProgressObserver {
    fn drop(&mut self) {
        if self.is_shown {
            write("\r\x1b[J");
            terminal_view::set_shown(false);
        }
    }
}
