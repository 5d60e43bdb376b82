//! What removes a hook from its set.

use std::fmt;
use std::sync::{Arc, Weak};

use super::State;
use crate::util::sync::{Mutex, lock};

/// Removes a hook from its [`HookSet`](super::HookSet) when it is dropped.
///
/// The hook is dropped with its handle if its stage has not started. After that, the handle has no
/// effect.
#[must_use = "dropping the handle removes the hook"]
pub struct HookHandle {
    set: Weak<Mutex<State>>,
    key: u64,
}

impl HookHandle {
    pub(super) fn new(set: &Arc<Mutex<State>>, key: u64) -> Self {
        Self { set: Arc::downgrade(set), key }
    }

    /// Keeps the hook in the set.
    pub fn detach(mut self) {
        self.set = Weak::new();
    }
}

impl Drop for HookHandle {
    fn drop(&mut self) {
        if let Some(set) = self.set.upgrade() {
            let hook = lock(&set).hooks.remove(&self.key); // S1
            drop(hook); // S3
        }
    }
}

impl fmt::Debug for HookHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HookHandle").finish_non_exhaustive()
    }
}
