//! The output of the emulator and its function.

use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Instant;

use super::BOUND;

/// All lines so far, in order.
#[derive(Default)]
pub(crate) struct Log {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    lines: Vec<String>,
    /// The number of open streams.
    open: usize,
}

impl Log {
    pub(super) fn follow(self: &Arc<Self>, stream: impl Read + Send + 'static) {
        self.state.lock().expect("no panic").open += 1;
        let log = Arc::clone(self);
        thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                log.change(|state| state.lines.push(line));
            }
            log.change(|state| state.open -= 1);
        });
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().expect("no panic"));
        self.changed.notify_all();
    }

    /// Waits until that many lines contain `text`, and returns the last of these.
    #[track_caller]
    pub(crate) fn wait_for(&self, times: usize, text: &str) -> String {
        let found = self.wait(|state| {
            let mut lines = state.lines.iter().filter(|line| line.contains(text));
            lines.nth(times - 1).cloned()
        });
        found.unwrap_or_else(|| panic!("no {times} lines with {text:?}:\n{self}"))
    }

    /// Waits until all processes have closed their output.
    #[track_caller]
    pub(super) fn finish(&self) {
        let end = self.wait(|state| (state.open == 0).then_some(()));
        assert!(end.is_some(), "the function outlives the emulator:\n{self}");
    }

    fn wait<T>(&self, look: impl Fn(&State) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + BOUND;
        let mut state = self.state.lock().expect("no panic");
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match look(&state) {
                None if left.is_zero() => return None,
                None => state = self.changed.wait_timeout(state, left).expect("no panic").0,
                found => return found,
            }
        }
    }

    /// Adds a line of the test itself.
    pub(crate) fn note(&self, line: &str) {
        self.change(|state| state.lines.push(line.to_owned()));
    }

    /// Returns whether a line contains `text` by now.
    pub(crate) fn has(&self, text: &str) -> bool {
        self.any(|line| line.contains(text))
    }

    pub(crate) fn any(&self, is_found: impl Fn(&str) -> bool) -> bool {
        self.state.lock().expect("no panic").lines.iter().any(|line| is_found(line))
    }
}

impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.state.lock().expect("no panic").lines.join("\n");
        f.write_str(&lines)
    }
}
