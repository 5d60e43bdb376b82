//! Hooks that are added and removed while the program runs.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Arc, PoisonError, Weak};
use std::{fmt, mem};

use super::hook::{AsyncHook, Hook, HookContext, IntoOutcome};
use crate::util::sync::{Mutex, lock};

// Invariants
//
// S1  A hook is in `hooks` until its handle removes it or its stage takes it, under one lock. So it
//     is removed or run, and never both.
// S2  The stage closes the set under the same lock. So a hook is taken or handed back.
// S3  No code of the program runs under the lock, and nothing of a hook is dropped there.

/// Hooks that are added and removed while the program runs, for example one for each connection.
///
/// [`Hooks::include`](crate::Hooks::include) gives the set its place in the order. Its hooks run with the other hooks of
/// that stage. They may be added before and after `include`, from any thread, and even during the
/// shutdown, until their stage starts.
///
/// ```
/// use signoff::{HookSet, Hooks};
///
/// # struct Connection; impl Connection { async fn say_goodbye(&self) {} }
/// # let (first, second) = (Connection, Connection);
/// let connections = HookSet::new();
/// let hooks = Hooks::new().include(&connections).then().hook("database", async || {});
///
/// let handle = connections.hook("connection 1", async move || first.say_goodbye().await)?;
/// drop(handle); // the client has left, so this hook is removed
///
/// let handle = connections.hook("connection 2", async move || second.say_goodbye().await)?;
/// handle.detach(); // this one stays
///
/// # futures_lite::future::block_on(async {
/// let report = hooks.run().await;
/// let names = report.hooks().iter().map(|hook| hook.name());
/// assert!(names.eq(["connection 2", "database"]));
/// # });
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
///
/// All clones are the same set. Adding and removing a hook takes one short lock.
///
/// A set starts once. If it is included more than once, also in different [`Hooks`](crate::Hooks), its hooks run in
/// the first of these stages that starts. Hooks of a set that is never included do not run: they are
/// dropped with the last clone of the set. If `Hooks` are dropped before the stage starts, the set
/// keeps its hooks, and can be included again.
///
/// The report shows a set of more than 20 hooks as one row. [`Report::hooks`](crate::Report::hooks)
/// has each of them.
#[derive(Clone, Default)]
pub struct HookSet {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// In the order in which they were added.
    hooks: BTreeMap<u64, Hook>,
    last_key: u64,
    /// Whether the stage has started.
    is_closed: bool,
}

impl HookSet {
    /// Creates an empty set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an asynchronous hook, as [`Hooks::hook`](crate::Hooks::hook) does, until the handle is dropped.
    ///
    /// # Errors
    ///
    /// Returns [`StageStarted`] with the closure if the stage of the set has started.
    pub fn hook<F, Fut, E>(
        &self,
        name: impl Into<String>,
        hook: F,
    ) -> Result<HookHandle, StageStarted<F>>
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: AsyncHook<Returned: IntoOutcome<E>> + Send + 'static,
    {
        self.add(name, hook, |name, hook| Hook::asynchronous(name, |_| hook()))
    }

    /// Adds an asynchronous hook that can look up the reason for the shutdown and its time left, as
    /// [`Hooks::hook_with`](crate::Hooks::hook_with) does, until the handle is dropped.
    ///
    /// # Errors
    ///
    /// Returns [`StageStarted`] with the closure if the stage of the set has started.
    pub fn hook_with<F, Fut, E>(
        &self,
        name: impl Into<String>,
        hook: F,
    ) -> Result<HookHandle, StageStarted<F>>
    where
        F: FnOnce(HookContext) -> Fut + Send + 'static,
        Fut: AsyncHook<Returned: IntoOutcome<E>> + Send + 'static,
    {
        self.add(name, hook, Hook::asynchronous)
    }

    /// Adds a synchronous hook, as [`Hooks::blocking`](crate::Hooks::blocking) does, until the handle is dropped.
    ///
    /// # Errors
    ///
    /// Returns [`StageStarted`] with the closure if the stage of the set has started.
    pub fn blocking<F, T, E>(
        &self,
        name: impl Into<String>,
        hook: F,
    ) -> Result<HookHandle, StageStarted<F>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: IntoOutcome<E>,
    {
        self.add(name, hook, |name, hook| Hook::blocking(name, |_| hook()))
    }

    /// Adds a synchronous hook that can look up the reason for the shutdown and its time left, as
    /// [`Hooks::blocking_with`](crate::Hooks::blocking_with) does, until the handle is dropped.
    ///
    /// # Errors
    ///
    /// Returns [`StageStarted`] with the closure if the stage of the set has started.
    pub fn blocking_with<F, T, E>(
        &self,
        name: impl Into<String>,
        hook: F,
    ) -> Result<HookHandle, StageStarted<F>>
    where
        F: FnOnce(HookContext) -> T + Send + 'static,
        T: IntoOutcome<E>,
    {
        self.add(name, hook, Hook::blocking)
    }

    fn add<F>(
        &self,
        name: impl Into<String>,
        hook: F,
        into_hook: impl FnOnce(Arc<str>, F) -> Hook,
    ) -> Result<HookHandle, StageStarted<F>> {
        let name = name.into().into();
        let mut state = lock(&self.state);
        if state.is_closed {
            drop(state);
            return Err(StageStarted { name, hook: Mutex::new(hook) }); // S2
        }
        state.last_key += 1;
        let key = state.last_key;
        state.hooks.insert(key, into_hook(name, hook));
        Ok(HookHandle { set: Arc::downgrade(&self.state), key })
    }

    /// Takes the hooks for their stage. No hook is added from now on.
    pub(super) fn close(&self) -> impl Iterator<Item = Hook> + use<> {
        let mut state = lock(&self.state);
        state.is_closed = true; // S2
        mem::take(&mut state.hooks).into_values()
    }

    /// Returns the names of the hooks that wait, in the order in which they were added.
    pub(super) fn names(&self) -> Vec<Arc<str>> {
        lock(&self.state).hooks.values().map(|hook| Arc::clone(&hook.name)).collect()
    }
}

impl fmt::Debug for HookSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = lock(&self.state);
        f.debug_struct("HookSet")
            .field("hooks", &state.hooks.len())
            .field("has_started", &state.is_closed)
            .finish()
    }
}

/// Removes a hook from its [`HookSet`](HookSet) when it is dropped.
///
/// The hook is dropped with its handle if its stage has not started. After that, the handle has no
/// effect.
#[must_use = "dropping the handle removes the hook"]
pub struct HookHandle {
    set: Weak<Mutex<State>>,
    key: u64,
}

impl HookHandle {
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

/// The hook was added after the stage of its [`HookSet`](HookSet) had started.
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
