#![doc = include_str!("../../features/smol.md")]

use std::future::poll_fn;
use std::os::fd::AsFd;

use async_io::Async;

use super::{Backend, Notifier, reactor};
use crate::error::Error;
use super::on_driver::{self, Watch};

/// async-io's reactor: what smol and everything built on it waits on.
///
/// There is one in a process and it needs no executor, so `listen` may be called anywhere.
#[derive(Debug, Clone, Copy, Default)]
pub struct Smol;

impl Backend for Smol {
    type Watch = Watch;

    fn watch(self, notifier: Notifier) -> Result<Watch, Error> {
        reactor::can_start(&notifier)?;
        let fd = notifier.as_fd().try_clone_to_owned().map_err(Error::Descriptor)?;
        let fd = Async::new_nonblocking(fd).map_err(Error::Descriptor)?;
        let readable = async move {
            // An error hands the duty back, and a thread takes over.
            let _ = poll_fn(|cx| fd.poll_readable(cx)).await;
        };
        Ok(on_driver::watch(readable, notifier))
    }
}
