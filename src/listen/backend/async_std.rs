//! async-std's reactor waits, through signal-hook-async-std.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Poll, ready};

use futures_lite::Stream;
use signal_hook_async_std::Signals;

use super::notifier::WatchGuard;
use super::{Backend, Notifier};
use crate::error::Error;

#[doc = include_str!("../../../features/async-std.md")]
#[derive(Debug, Clone, Copy, Default)]
pub struct AsyncStd;

impl Backend for AsyncStd {
    type Watch = WatchGuard;

    fn watch(self, notifier: Notifier) -> Result<WatchGuard, Error> {
        let numbers = notifier.signals().iter().map(|signal| signal.as_raw());
        let mut signals = Signals::new(numbers).map_err(Error::Descriptor)?;
        // Its handlers run after ours, so the signal is recorded when the stream has an item.
        let readable = poll_fn(move |cx| {
            let next = ready!(Pin::new(&mut signals).poll_next(cx));
            Poll::Ready(next.map(drop).ok_or_else(|| io::ErrorKind::BrokenPipe.into()))
        });
        Ok(notifier.watch(readable))
    }
}
