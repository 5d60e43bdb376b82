#![doc = include_str!("../../../features/tokio.md")]

use std::future::poll_fn;
use std::os::fd::AsFd;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::{io, thread};

use tokio::net::unix::pipe::Receiver;
use tokio::runtime::Handle;
use tokio::task;

use super::driver_waker::{self, WatchGuard};
use super::{Backend, Notifier};
use crate::error::Error;

const RUNTIME: &str = "tokio";

/// The tokio runtime that `listen` is called in.
///
/// Its I/O driver waits for the signal, without a task and without another thread.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tokio;

impl Backend for Tokio {
    type Watch = WatchGuard;

    fn watch(self, notifier: Notifier) -> Result<WatchGuard, Error> {
        if Handle::try_current().is_err() {
            return Err(Error::NoRuntime { runtime: RUNTIME });
        }
        let fd = notifier.as_fd().try_clone_to_owned().map_err(Error::Descriptor)?;
        // The driver accepts any pollable descriptor, not only a pipe.
        let pipe = catch_panic_silently(|| Receiver::from_owned_fd_unchecked(fd))
            .ok_or(Error::NoDriver { runtime: RUNTIME })?
            .map_err(|error| match error.raw_os_error() {
                Some(_) => Error::Descriptor(error),
                // The error is tokio's own: the runtime is being shut down.
                None => Error::NoRuntime { runtime: RUNTIME },
            })?;
        let repeats = notifier.repeats();
        let readable = poll_fn(move |cx| poll_readable(&pipe, repeats, cx));
        // Unconstrained: the task that calls `listen` may have used up its coop budget.
        Ok(driver_waker::watch(task::unconstrained(readable), notifier))
    }
}

/// An error is the end of the runtime.
fn poll_readable(pipe: &Receiver, repeats: bool, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
    loop {
        ready!(pipe.poll_read_ready(cx))?;
        if !repeats {
            return Poll::Ready(Ok(()));
        }
        // tokio waits again only after it has found the descriptor empty.
        match pipe.try_read(&mut [0; 8]) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            result => return Poll::Ready(result.map(drop)),
        }
    }
}

/// tokio reports a missing I/O driver only by panicking. Returns `None` for a panic, and keeps it off
/// standard error.
fn catch_panic_silently<T>(f: impl FnOnce() -> io::Result<T>) -> Option<io::Result<T>> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    if thread::panicking() {
        return panic::catch_unwind(AssertUnwindSafe(f)).ok(); // the hook must stay as it is
    }
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let here = thread::current().id();
    let others = std::sync::Arc::new(panic::take_hook());
    let hook = std::sync::Arc::clone(&others);
    panic::set_hook(Box::new(move |info| {
        if thread::current().id() != here {
            hook(info);
        }
    }));
    let result = panic::catch_unwind(AssertUnwindSafe(f)).ok();
    drop(panic::take_hook());
    if let Some(hook) = std::sync::Arc::into_inner(others) {
        panic::set_hook(hook);
    }
    result
}
