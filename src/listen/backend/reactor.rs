//! The first use of async-io's reactor.

use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::Notifier;
use crate::error::Error;

/// The reactor opens three, signal-hook-async-std two of its own before it.
const DESCRIPTORS: usize = 8;

/// Checks that the reactor can start. It starts at its first use in the process, and panics on two
/// threads if the system refuses it a descriptor or the thread.
pub(crate) fn can_start(notifier: &Notifier) -> Result<(), Error> {
    static CHECKED: AtomicBool = AtomicBool::new(false);
    // Relaxed: checking twice does no harm.
    if CHECKED.load(Ordering::Relaxed) {
        return Ok(());
    }
    let descriptors = (0..DESCRIPTORS).map(|_| notifier.as_fd().try_clone_to_owned());
    drop(descriptors.collect::<Result<Vec<_>, _>>().map_err(Error::Descriptor)?);
    let thread = thread::Builder::new().spawn(|| {}).map_err(Error::Thread)?;
    let _ = thread.join(); // cannot have panicked
    CHECKED.store(true, Ordering::Relaxed);
    Ok(())
}
