//! Whether the backend waits for the signal, and whether a thread does.

use crate::util::sync::{AtomicU8, Ordering};

/// What is known about the backend and the fallback thread: any of the three bits below.
#[derive(Default)]
pub(crate) struct FallbackState(AtomicU8);

/// `listen` has succeeded.
const LISTENING: u8 = 1;
/// The backend has dropped its notifier.
const ABANDONED: u8 = 2;
/// A thread waits, or is about to be started.
const THREAD: u8 = 4;

impl FallbackState {
    /// `listen` succeeds. Returns true if the backend no longer waits.
    pub(crate) fn begin(&self) -> bool {
        self.add(LISTENING) & ABANDONED != 0
    }

    /// The backend no longer waits. Returns true if `listen` has succeeded; else `begin` finds out.
    pub(crate) fn abandon(&self) -> bool {
        self.add(ABANDONED) & LISTENING != 0
    }

    /// Returns true for the one caller that starts the thread.
    pub(super) fn claim_thread(&self) -> bool {
        self.add(THREAD) & THREAD == 0
    }

    /// The thread was refused. Returns true if the backend does not wait either.
    pub(super) fn give_back_thread(&self) -> bool {
        self.0.fetch_and(!THREAD, Ordering::AcqRel) & ABANDONED != 0
    }

    fn add(&self, bit: u8) -> u8 {
        // AcqRel, here and above: each step happens after the one before.
        self.0.fetch_or(bit, Ordering::AcqRel)
    }
}
