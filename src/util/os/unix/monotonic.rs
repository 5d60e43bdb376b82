//! The clock that systemd compares with its own.

use std::mem;
use std::time::Duration;

/// Returns the time of `CLOCK_MONOTONIC`. An [`Instant`](std::time::Instant) does not reveal its own.
pub(crate) fn now() -> Duration {
    // SAFETY: zeroes are a valid `timespec`.
    let mut time: libc::timespec = unsafe { mem::zeroed() };
    // SAFETY: the pointer is to a live `timespec`. The call fails for unknown clocks only.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    let seconds = time.tv_sec.try_into().unwrap_or(0);
    Duration::new(seconds, time.tv_nsec.try_into().unwrap_or(0))
}
