#![doc = include_str!("../../../features/progress.md")]

// - `view`: the lines of the view, as text.
// - `stderr`: what the program prints beside the view.

mod stderr;
mod view;

use std::io::Write;
use std::time::{Duration, Instant};

use crate::hooks::{Event, Observer, Running, Started};
use crate::util::human_duration::HumanDuration;
use crate::util::os::stderr::RawStderr;
use crate::util::os::terminal;
use crate::util::output;
use crate::util::text::{Style, escape};
pub use stderr::{Stderr, stderr};
use view::{Size, View};

// The cursor rests on an empty line above the view, and a frame clears only what is below it. So:
//
// - What the program prints meanwhile moves the view down, and is never cleared, nor is the timeline
//   if this thread is late.
// - After a resize, the cursor is still above the view, even if the terminal has wrapped its lines.
// - A forced exit erases what is below the cursor, with one write that cannot block.
//
// A background job has no view, because the cursor is in the line of the shell. Whether it is one is
// looked up each time: a user may move it.

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
        ctrl_c: None,
        view: View::default(),
        is_shown: false,
        last_line: None,
    }
}

/// Shows the progress of the shutdown. Made by [`observer`].
#[derive(Debug)]
pub struct ProgressObserver {
    /// Of the view. `None` if plain lines are all that standard error can show.
    style: Option<Style>,
    /// What a Ctrl-C does.
    ctrl_c: Option<&'static str>,
    view: View,
    /// Whether the terminal shows the view.
    is_shown: bool,
    last_line: Option<Instant>,
}

impl ProgressObserver {
    fn started(&mut self, started: &Started) {
        self.view = View {
            reason: started.reason().map(ToString::to_string),
            hooks: started.hooks(),
            ended: 0,
            hint: None,
        };
        self.ctrl_c = started.ctrl_c;
        if self.view_style().is_none() {
            let left = started.time_left();
            let left = left.map(|left| format!(", {} left", HumanDuration(left)));
            let title = escape(&self.view.title());
            self.write_line(&format!("{title}{}", left.unwrap_or_default()));
        }
    }

    /// Returns `None` for plain lines.
    fn view_style(&self) -> Option<Style> {
        self.style.filter(|_| terminal::is_in_foreground())
    }

    fn running(&mut self, running: &Running) {
        if let Some(style) = self.view_style() {
            self.is_shown = true;
            terminal::set_view(true);
            self.view.hint = self.ctrl_c.filter(|_| terminal::has_ctrl_c());
            write(&frame(&self.view.lines(running, Size::of_stderr(), style)));
            return;
        }
        self.clear();
        // A frame early, because an event may be late.
        if self.last_line.is_none_or(|at| at.elapsed() + FRAME >= LINE) {
            self.write_line(&output::waiting(running, self.ctrl_c));
        }
    }

    fn write_line(&mut self, line: &str) {
        self.last_line = Some(Instant::now());
        write(&output::lines(line));
    }

    /// Erases the view. In the background, the line above it has become that of the shell.
    fn clear(&mut self) {
        if self.is_shown {
            let start = if terminal::is_in_background() { "" } else { "\r" };
            write(&format!("{start}\x1b[J"));
            terminal::set_view(false);
            self.is_shown = false;
        }
    }
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
        self.clear();
    }
}
