//! A thread waits, without a runtime.

use super::{Backend, Notifier};
use crate::error::Error;

#[doc = include_str!("../../../features/blocking.md")]
#[derive(Debug, Clone, Copy, Default)]
pub struct Blocking;

impl Backend for Blocking {
    type Watch = Notifier;

    fn watch(self, notifier: Notifier) -> Result<Notifier, Error> {
        notifier.listener().start_parked_thread().map_err(Error::Thread)?;
        Ok(notifier)
    }
}
