#![doc = "[`Backend`]: crate::Backend"]
#![doc = include_str!("../../features/blocking.md")]

use super::{Backend, Bell};
use crate::error::Error;

/// No runtime: a thread of its own sleeps until the signal comes.
///
/// Whoever waits may use any executor, or none.
#[derive(Debug, Clone, Copy, Default)]
pub struct Blocking;

impl Backend for Blocking {
    type Watch = Bell;

    fn watch(self, bell: Bell) -> Result<Bell, Error> {
        bell.watch_from_thread().map_err(Error::Thread)?;
        Ok(bell)
    }
}
