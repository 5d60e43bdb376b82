#![doc = include_str!("../../features/async-std.md")]

use std::future::poll_fn;
use std::pin::Pin;

use futures_lite::Stream;
use signal_hook_async_std::Signals;

use super::driver_waker::{self, WatchGuard};
use super::{Backend, Notifier, reactor};
use crate::error::Error;

/// async-std's reactor, through signal-hook-async-std.
///
/// There is one in a process and it needs no executor, so `listen` may be called anywhere.
#[derive(Debug, Clone, Copy, Default)]
pub struct AsyncStd;

impl Backend for AsyncStd {
    type Watch = WatchGuard;

    fn watch(self, notifier: Notifier) -> Result<WatchGuard, Error> {
        reactor::can_start(&notifier)?;
        let numbers = notifier.signals().iter().map(|signal| signal.as_raw());
        let mut signals = Signals::new(numbers).map_err(Error::Descriptor)?;
        let readable = async move {
            // Its handlers run after ours, so the latch is set when the stream has an item.
            let _ = poll_fn(|cx| Pin::new(&mut signals).poll_next(cx)).await;
        };
        Ok(driver_waker::watch(readable, notifier))
    }
}
