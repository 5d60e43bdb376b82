//! What users write: hooks, in stages, with a budget.

use std::collections::VecDeque;
use std::fmt;
use std::future;
use std::time::Duration;

use super::engine::{Entry, Stage};
use super::hook::{AsyncHook, Hook, HookContext, HookFuture, IntoOutcome, Kind, TimeLimit};
use super::hook_set::HookSet;
use super::observer::Observer;

/// Docker sends `SIGKILL` after 10 seconds, and Windows ends a process after 5.
pub(crate) const DEFAULT_BUDGET: Duration = Duration::from_secs(if cfg!(windows) { 4 } else { 8 });

/// Cleanup that runs when the process shuts down: hooks, in stages, within a time budget.
///
/// The [module's page](crate::hooks) has the rules for order, time and failure.
///
/// ```
/// use std::time::Duration;
/// use signoff::Hooks;
///
/// # struct Pool; impl Pool { async fn close(self) -> Result<(), std::io::Error> { Ok(()) } }
/// # struct Cache; impl Cache { async fn flush(&self) {} }
/// # struct Spool; impl Spool { fn sync_all(&self) -> Result<(), std::io::Error> { Ok(()) } }
/// # let (pool, cache, spool) = (Pool, Cache, Spool);
/// let hooks = Hooks::new()
///     .budget(Duration::from_secs(10))
///     .hook("cache", async move || cache.flush().await)
///     .then()
///     .hook("database", async move || pool.close().await).within(Duration::from_secs(2))
///     .blocking("spool", move || spool.sync_all());
///
/// # futures_lite::future::block_on(async {
/// let report = hooks.run().await;
/// assert!(report.is_clean());
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias("atexit", "defer"))]
#[must_use = "hooks do nothing until they are run"]
pub struct Hooks {
    /// Never empty. New hooks are added to the last stage.
    pub(super) stages: VecDeque<Stage>,
    pub(crate) budget: Duration,
    pub(super) observers: Vec<Box<dyn Observer>>,
    /// The program has returned, so that it no longer serves during a delay.
    pub(super) skips_delays: bool,
}

impl Default for Hooks {
    fn default() -> Self {
        Self::new()
    }
}

impl Hooks {
    /// Creates an empty set of hooks with a budget of eight seconds, or four on Windows.
    pub fn new() -> Self {
        Self {
            stages: VecDeque::from([Stage::new()]),
            budget: DEFAULT_BUDGET,
            observers: Vec::new(),
            skips_delays: false,
        }
    }

    /// Sets the time that all hooks share. The default is eight seconds, or four on Windows.
    ///
    /// Choose a time that is at least half a second shorter than your supervisor waits between `SIGTERM` and
    /// `SIGKILL`: Docker waits 10 s, Kubernetes 30 s (`terminationGracePeriodSeconds`), systemd 90 s. Windows
    /// ends a process 5 s after its console was closed. With [`Duration::MAX`] there is no limit.
    #[doc(alias("grace period", "terminationGracePeriodSeconds"))]
    pub fn budget(mut self, budget: Duration) -> Self {
        self.budget = budget;
        self
    }

    /// Adds an asynchronous hook to the current stage.
    ///
    /// The closure owns what it closes, and returns `()` or a `Result<(), E>` with any error. When
    /// the hook's deadline passes, its future is dropped. A hook that blocks its thread belongs in
    /// [`blocking`](Self::blocking).
    ///
    /// With `?`, a closure names the type of its error at its end. With a plain `Ok(())` the
    /// compiler reports `type annotations needed`.
    ///
    /// ```
    /// # use std::io;
    /// # async fn flush() -> io::Result<u8> { Ok(0) }
    /// # let hooks = signoff::Hooks::new();
    /// hooks.hook("cache", async || { flush().await?; io::Result::Ok(()) });
    /// ```
    pub fn hook<F, Fut, E>(self, name: impl Into<String>, hook: F) -> Self
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: AsyncHook<Returned: IntoOutcome<E>> + Send + 'static,
    {
        self.hook_with(name, move |_| hook())
    }

    /// Adds an asynchronous hook that can look up the reason for the shutdown and its time left.
    ///
    /// ```
    /// # use signoff::Hooks;
    /// # async fn flush(batch: usize) {}
    /// let hooks = Hooks::new().hook_with("metrics", async |context| {
    ///     let is_short = context.time_left().is_some_and(|left| left.as_secs() < 1);
    ///     let batch = if is_short { 50 } else { 1_000 };
    ///     flush(batch).await;
    /// });
    /// # futures_lite::future::block_on(hooks.run());
    /// ```
    pub fn hook_with<F, Fut, E>(self, name: impl Into<String>, hook: F) -> Self
    where
        F: FnOnce(HookContext) -> Fut + Send + 'static,
        Fut: AsyncHook<Returned: IntoOutcome<E>> + Send + 'static,
    {
        self.add(Entry::Hook(Hook::asynchronous(name.into().into(), hook)))
    }

    /// Adds a synchronous hook to the current stage. It runs on a thread of its own.
    ///
    /// Threads cannot be cancelled: at its deadline the hook is reported as abandoned, and it keeps
    /// running until the process exits. The thread has entered the tokio runtime that runs the
    /// hooks, as in tokio's `spawn_blocking`. If no thread can be spawned, the hook runs on the
    /// thread that runs the hooks, and may delay others.
    pub fn blocking<F, T, E>(self, name: impl Into<String>, hook: F) -> Self
    where
        F: FnOnce() -> T + Send + 'static,
        T: IntoOutcome<E>,
    {
        self.blocking_with(name, move |_| hook())
    }

    /// Adds a synchronous hook that can look up the reason for the shutdown and its time left.
    pub fn blocking_with<F, T, E>(self, name: impl Into<String>, hook: F) -> Self
    where
        F: FnOnce(HookContext) -> T + Send + 'static,
        T: IntoOutcome<E>,
    {
        self.add(Entry::Hook(Hook::blocking(name.into().into(), hook)))
    }

    /// Gives a set of hooks its place in the order: in the current stage, like a hook.
    ///
    /// [`within`](Self::within) limits the time of each hook in the set.
    ///
    /// ```
    /// use std::time::Duration;
    /// use signoff::{HookSet, Hooks};
    ///
    /// let connections = HookSet::new();
    /// let hooks = Hooks::new()
    ///     .include(&connections).within(Duration::from_secs(2))
    ///     .then()
    ///     .hook("database", async || { /* … */ });
    /// # drop(hooks);
    /// ```
    pub fn include(self, set: &HookSet) -> Self {
        self.add(Entry::Set(set.clone(), TimeLimit::Stage))
    }

    /// Opens the next stage: hooks added from here on start when all hooks before them have ended.
    ///
    /// A stage without hooks does not count.
    pub fn then(mut self) -> Self {
        self.stages.push_back(Stage::new());
        self
    }

    /// Limits the time of the hook that was just added, counted from its start. After
    /// [`include`](Self::include), this limits each hook of the set.
    ///
    /// The hook never gets more time than its stage has. This has no effect if the current stage
    /// has no hooks yet.
    pub fn within(self, limit: Duration) -> Self {
        self.limit_last(TimeLimit::Within(limit))
    }

    /// Adds an observer of the shutdown. Each observer receives all events.
    ///
    /// ```
    /// use signoff::{Hooks, hooks::Event};
    ///
    /// let hooks = Hooks::new().hook("cache", async || {}).observe(|event: &Event| match event {
    ///     Event::HookEnded(hook) => println!("{} {}", hook.name(), hook.outcome()),
    ///     Event::Running(running) => println!("{running}"), // once a second
    ///     _ => {}
    /// });
    /// # futures_lite::future::block_on(hooks.run());
    /// ```
    pub fn observe(mut self, observer: impl Observer) -> Self {
        self.observers.push(Box::new(observer));
        self
    }

    /// Adds a stage that lets time pass while the program continues to serve.
    ///
    /// Load balancers learn late that a process shuts down, and send requests until then. So this
    /// comes first, before the stage that stops the server. The
    /// [module's page](crate::hooks#a-delay-for-load-balancers) shows how, and how to configure
    /// Kubernetes.
    ///
    /// **The delay is useless if the server stops as soon as the shutdown is requested.** Give the
    /// server a signal that the hooks request after the delay.
    ///
    /// The time is part of the budget. If it would leave no time for the later stages, it is cut to
    /// the stage's share and reported as timed out. The delay ends early only if the program of
    /// [`exit_on`](Self::exit_on) returns, or by a forced exit.
    #[doc(alias = "preStop")]
    pub fn keep_serving(self, time: Duration) -> Self {
        let start = |_| -> HookFuture { Box::pin(future::pending()) }; // the driver waits instead
        let delay = Hook::new("keep serving".into(), Kind::Delay, start);
        self.then().add(Entry::Hook(delay)).limit_last(TimeLimit::Exactly(time)).then()
    }

    /// Adds the hooks of the first stage to that of `later`, in front of all others there.
    pub(crate) fn in_front_of(mut self, mut later: Self) -> Self {
        if let (Some(first), Some(stage)) = (self.stages.pop_front(), later.stages.front_mut()) {
            stage.splice(..0, first);
        }
        later
    }

    pub(super) fn add(mut self, entry: Entry) -> Self {
        if let Some(stage) = self.stages.back_mut() {
            stage.push(entry);
        }
        self
    }

    fn limit_last(mut self, limit: TimeLimit) -> Self {
        if let Some(entry) = self.stages.back_mut().and_then(|stage| stage.last_mut()) {
            entry.set_limit(limit);
        }
        self
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks")
            .field("budget", &self.budget)
            .field("stages", &self.stages)
            .field("observers", &self.observers.len())
            .finish_non_exhaustive()
    }
}
