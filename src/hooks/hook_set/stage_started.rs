//! The error of a hook that is added too late.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// The hook was added after the stage of its [`HookSet`](super::HookSet) had started.
///
/// The hook is not lost: [`into_hook`](Self::into_hook) returns it, to be called in place of the
/// stage.
///
/// ```
/// # use signoff::{HookSet, Hooks};
/// # struct Connection; impl Connection { async fn say_goodbye(&self) {} }
/// # let connection = Connection;
/// # futures_lite::future::block_on(async {
/// # let connections = HookSet::new();
/// # let _report = Hooks::new().include(&connections).run().await;
/// match connections.hook("connection 7", async move || connection.say_goodbye().await) {
///     Ok(handle) => { /* keep it as long as the connection */ }
///     Err(late) => late.into_hook()().await,
/// }
/// # });
/// ```
pub struct StageStarted<F> {
    name: Arc<str>,
    /// In a lock, so that the error is `Sync`, as boxed errors are.
    hook: Mutex<F>,
}

impl<F> StageStarted<F> {
    pub(super) fn new(name: Arc<str>, hook: F) -> Self {
        Self { name, hook: Mutex::new(hook) }
    }

    /// Returns the name of the hook.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the hook.
    pub fn into_hook(self) -> F {
        self.hook.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F> fmt::Display for StageStarted<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "hook {:?} was not added: the stage of its set has started", self.name)
    }
}

impl<F> fmt::Debug for StageStarted<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StageStarted").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<F> Error for StageStarted<F> {}
