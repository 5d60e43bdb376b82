#![doc = include_str!("../../../features/blocking.md")]

use super::{Backend, Notifier};
use crate::error::Error;

/// No runtime: a thread waits for the signal.
///
/// The signal can be awaited on any executor, and waited for without one.
#[derive(Debug, Clone, Copy, Default)]
pub struct Blocking;

impl Backend for Blocking {
    type Watch = Notifier;

    fn watch(self, notifier: Notifier) -> Result<Notifier, Error> {
        notifier.start_parked_thread().map_err(Error::Thread)?;
        Ok(notifier)
    }
}
