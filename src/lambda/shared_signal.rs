//! The signal that all calls in this process share: a request through one of them runs all hooks.

use crate::error::Error;
use crate::listen::backend::blocking::Blocking;
use crate::listen::backend::tokio::Tokio;
use crate::signal::ShutdownSignal;
use crate::util::sync::{Mutex, lock};

static SHARED: Mutex<Option<ShutdownSignal>> = Mutex::new(None);

/// The signal of the process, for hooks that are being armed.
pub(super) struct SharedSignal {
    pub(super) shutdown: ShutdownSignal,
    /// Whether it has no hooks yet.
    is_new: bool,
}

impl SharedSignal {
    /// The first call listens, on the current runtime if there is one.
    pub(super) fn listen() -> Result<Self, Error> {
        let mut shared = lock(&SHARED);
        if let Some(shutdown) = &*shared {
            return Ok(Self { shutdown: shutdown.clone(), is_new: false });
        }
        let shutdown =
            ShutdownSignal::listen(Tokio).or_else(|_| ShutdownSignal::listen(Blocking))?;
        *shared = Some(shutdown.clone());
        Ok(Self { shutdown, is_new: true })
    }

    /// Call this when its hooks are armed.
    pub(super) fn keep(mut self) -> ShutdownSignal {
        self.is_new = false;
        self.shutdown.clone()
    }
}

impl Drop for SharedSignal {
    /// A signal without hooks must not be kept: it would be caught and never acted on.
    fn drop(&mut self) {
        if self.is_new {
            *lock(&SHARED) = None;
        }
    }
}
