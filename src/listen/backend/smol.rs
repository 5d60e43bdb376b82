//! async-io's reactor waits, which smol and everything built on it uses.

use std::future::poll_fn;
use std::sync::Arc;

use async_io::Async;

use super::notifier::WatchGuard;
use super::{Backend, Notifier};
use crate::error::Error;

#[doc = include_str!("../../../features/smol.md")]
#[derive(Debug, Clone, Copy, Default)]
pub struct Smol;

impl Backend for Smol {
    type Watch = WatchGuard;

    fn watch(self, notifier: Notifier) -> Result<WatchGuard, Error> {
        let fd = Arc::clone(notifier.listener());
        let fd = Async::new_nonblocking(fd).map_err(Error::Descriptor)?;
        Ok(notifier.watch(poll_fn(move |cx| fd.poll_readable(cx))))
    }
}
