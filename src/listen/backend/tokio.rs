//! tokio's I/O driver waits.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::{io, mem};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::runtime::Handle;
use tokio::task;

use super::notifier::WatchGuard;
use super::{Backend, Notifier};
use crate::error::Error;
use crate::listen::listener::Listener;

const RUNTIME: &str = "tokio";

#[doc = include_str!("../../../features/tokio.md")]
#[derive(Debug, Clone, Copy, Default)]
pub struct Tokio;

impl Backend for Tokio {
    type Watch = WatchGuard;

    fn watch(self, notifier: Notifier) -> Result<WatchGuard, Error> {
        if Handle::try_current().is_err() {
            return Err(Error::NoRuntime { runtime: RUNTIME });
        }
        let listener = Arc::clone(notifier.listener());
        #[allow(deprecated, reason = "its successor is not in tokio 1.47")]
        let register = || AsyncFd::with_interest(listener, Interest::READABLE);
        // tokio reports a missing I/O driver only by panicking.
        let fd = catch_unwind(AssertUnwindSafe(register))
            .map_err(|payload| {
                mem::forget(payload); // its drop may panic too
                Error::NoDriver { runtime: RUNTIME }
            })?
            .map_err(|error| match error.raw_os_error() {
                Some(_) => Error::Descriptor(error),
                // The error is tokio's own: the runtime is being shut down.
                None => Error::NoRuntime { runtime: RUNTIME },
            })?;
        let readable = poll_fn(move |cx| poll_readable(&fd, cx));
        // Unconstrained: the task that calls `listen` may have used up its coop budget.
        Ok(notifier.watch(task::unconstrained(readable)))
    }
}

/// An error is the end of the runtime.
fn poll_readable(fd: &AsyncFd<Arc<Listener>>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
    // Cleared first: for a stream the notifier reads afterwards, and a later signal is a new event.
    ready!(fd.poll_read_ready(cx))?.clear_ready();
    Poll::Ready(Ok(()))
}
