//! An editor on the whole screen: the notes are saved, and the terminal is left as it was.

use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{env, fs};

use crossterm::event::{self, Event, KeyCode, KeyModifiers};
use crossterm::terminal::{self, Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen};
use crossterm::{cursor, execute, queue, style::Print};
use signoff::{Blocking, Hooks, ShutdownSignal, Signal, Signals};

/// The longest time until it sees the signal.
const TICK: Duration = Duration::from_millis(100);

fn main() -> Result<(), Box<dyn Error>> {
    // Before raw mode: these are the modes that come back, even after a panic or a second Ctrl-C.
    let signals = Signals::default().with(Signal::Hangup).restore_terminal();
    let shutdown = signals.listen(Blocking)?;
    let file = env::args().nth(1).map_or_else(|| env::temp_dir().join("notes.txt"), PathBuf::from);
    let notes = Arc::new(Mutex::new(String::new()));
    let written = Arc::clone(&notes);

    Hooks::new()
        .blocking("notes", move || fs::write(file, &*lock(&written)))
        .exit_on(shutdown.clone())
        .run_blocking(|| edit(&notes, &shutdown))?;
    Ok(())
}

/// Takes notes until the shutdown is requested.
fn edit(notes: &Mutex<String>, shutdown: &ShutdownSignal) -> io::Result<()> {
    terminal::enable_raw_mode()?;
    execute!(io::stdout(), EnterAlternateScreen)?;
    while !shutdown.is_requested() {
        draw(&lock(notes))?;
        if !event::poll(TICK)? {
            continue;
        }
        let Event::Key(key) = event::read()? else { continue };
        match key.code {
            // In raw mode it is a key.
            KeyCode::Char('c') if key.modifiers == KeyModifiers::CONTROL => {
                shutdown.request("Ctrl-C");
            }
            KeyCode::Char(char) => lock(notes).push(char),
            KeyCode::Enter => lock(notes).push('\n'),
            KeyCode::Backspace => _ = lock(notes).pop(),
            _ => {}
        }
    }
    // While the hooks run, Ctrl-C is a signal again.
    execute!(io::stdout(), LeaveAlternateScreen)?;
    terminal::disable_raw_mode()
}

fn draw(notes: &str) -> io::Result<()> {
    let mut screen = io::stdout();
    queue!(screen, Clear(ClearType::All), cursor::MoveTo(0, 0))?;
    queue!(screen, Print("notes, saved at Ctrl-C:\r\n"), Print(notes.replace('\n', "\r\n")))?;
    screen.flush()
}

fn lock(notes: &Mutex<String>) -> MutexGuard<'_, String> {
    notes.lock().unwrap_or_else(PoisonError::into_inner)
}
