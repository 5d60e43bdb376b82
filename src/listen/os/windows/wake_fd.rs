//! The descriptor of a listener: none, because the handler wakes every waiter itself.

use std::io;
use std::time::Instant;

pub(crate) struct WakeFd;

#[allow(clippy::unused_self, reason = "the same names as on Unix")]
impl WakeFd {
    #[allow(clippy::unnecessary_wraps, reason = "the same names as on Unix")]
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self)
    }

    pub(crate) fn wake(&self) {}

    pub(crate) fn drain(&self) {}

    /// Returns false: threads wait for the latch.
    pub(crate) fn wait(&self, _: impl Fn() -> bool, _: Option<Instant>) -> bool {
        false
    }

    /// Returns false: threads wait for the marks of the stream.
    pub(crate) fn wait_readable(&self) -> bool {
        false
    }
}
