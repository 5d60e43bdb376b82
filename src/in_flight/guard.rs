//! The guard that counts one piece of work.

use std::borrow::Cow;
use std::fmt;

use super::InFlight;
use crate::util::sync::lock;

/// Counts a piece of work until it is dropped. [`InFlight::enter`] returns it.
#[must_use = "the work counts until the guard is dropped"]
pub struct InFlightGuard {
    work: InFlight,
    key: u64,
}

impl InFlightGuard {
    pub(super) fn new(work: InFlight, key: u64) -> Self {
        Self { work, key }
    }

    pub(super) fn work(&self) -> &InFlight {
        &self.work
    }

    pub(super) fn name(&self) -> Cow<'static, str> {
        let state = lock(&self.work.state);
        state.running.get(&self.key).map(|(name, _)| name.clone()).unwrap_or_default()
    }
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        self.work.remove(self.key);
    }
}

impl fmt::Debug for InFlightGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("InFlightGuard").field(&self.name()).finish()
    }
}
