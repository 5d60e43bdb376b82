#![doc = "[`Backend`]: crate::Backend"]
#![doc = include_str!("../../features/blocking.md")]

use std::thread::{self, Thread};

use super::{Backend, Notifier, spawn_watcher};
use crate::error::Error;
use crate::handler::Line;

/// No runtime: a thread of its own sleeps until the signal comes.
///
/// Whoever waits may use any executor, or none.
#[derive(Debug, Clone, Copy, Default)]
pub struct Blocking;

impl Backend for Blocking {
    type Watch = Watch;

    fn watch(self, notifier: Notifier) -> Result<Watch, Error> {
        let line = notifier.line();
        let thread = spawn_watcher(&line, sleep_until_summoned).map_err(Error::Thread)?;
        if let Some(shared) = line.shared.upgrade() {
            shared.latch.summon_with(thread.clone());
        }
        Ok(Watch { _bell: notifier, thread })
    }
}

/// Only wakers need the thread. Threads that block in `wait` are woken by the signal itself, and
/// a second thread that runs at the same moment would be in their way.
fn sleep_until_summoned(line: &Line) {
    while line.shared.upgrade().is_some_and(|shared| !shared.latch.is_summoned()) {
        thread::park();
    }
}

/// Keeps the thread until it is dropped.
#[derive(Debug)]
pub struct Watch {
    _bell: Notifier,
    thread: Thread,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.thread.unpark(); // it finds nobody, and ends
    }
}
