//! What users write: hooks, in stages, with a budget.

use std::collections::VecDeque;
use std::fmt;
use std::future::{self, Future};
use std::time::Duration;

use super::context::HookContext;
use super::exit::Ending;
use super::hook::{Hook, IntoOutcome, Kind, Running, Time};
use super::threads;

/// Ten seconds: what Docker gives, and a third of what Kubernetes does.
const DEFAULT_BUDGET: Duration = Duration::from_secs(10);

/// What is to be closed when the process ends: hooks, in stages, within a budget.
///
/// The [module's page](crate::hooks) has the rules for order, time and failure.
///
/// ```
/// use std::time::Duration;
/// use signoff::Hooks;
///
/// # struct Pool; impl Pool { async fn close(self) -> Result<(), std::io::Error> { Ok(()) } }
/// # struct Cache; impl Cache { async fn flush(&self) {} }
/// # let (pool, cache, spool) = (Pool, Cache, std::fs::File::open("Cargo.toml")?);
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
#[must_use = "hooks do nothing until they are run"]
pub struct Hooks {
    /// Never empty; the last one is open for more.
    pub(super) stages: VecDeque<Stage>,
    pub(super) budget: Duration,
    #[allow(dead_code, reason = "without the feature `blocking` nobody ends the process")]
    pub(super) ending: Ending,
}

/// Hooks that run side by side.
pub(super) type Stage = VecDeque<Hook>;

impl Default for Hooks {
    fn default() -> Self {
        Self::new()
    }
}

impl Hooks {
    /// No hooks yet, and a budget of ten seconds.
    pub fn new() -> Self {
        Self {
            stages: VecDeque::from([Stage::new()]),
            budget: DEFAULT_BUDGET,
            ending: Ending::default(),
        }
    }

    /// The time that all hooks have together. The default is ten seconds.
    ///
    /// Choose it shorter than what the supervisor grants between `SIGTERM` and `SIGKILL`: Docker
    /// 10 s, Kubernetes 30 s (`terminationGracePeriodSeconds`), systemd 90 s. A time that no clock
    /// can reach, such as [`Duration::MAX`], is no limit.
    pub fn budget(mut self, budget: Duration) -> Self {
        self.budget = budget;
        self
    }

    /// Adds an asynchronous hook to the stage.
    ///
    /// It owns what it closes, and returns `()` or a `Result<(), E>` of any error. At its limit
    /// its future is dropped. It must not block the thread; [`blocking`](Self::blocking) may.
    pub fn hook<F, Fut>(self, name: impl Into<String>, hook: F) -> Self
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output: IntoOutcome> + Send + 'static,
    {
        self.hook_with(name, move |_| hook())
    }

    /// Adds an asynchronous hook that is told why the process ends, and how long it has.
    ///
    /// ```
    /// # use signoff::Hooks;
    /// # async fn flush(batch: usize) {}
    /// let hooks = Hooks::new().hook_with("metrics", async |context| {
    ///     let batch = if context.time_left().as_secs() >= 1 { 1_000 } else { 50 };
    ///     flush(batch).await;
    /// });
    /// # futures_lite::future::block_on(hooks.run());
    /// ```
    pub fn hook_with<F, Fut>(self, name: impl Into<String>, hook: F) -> Self
    where
        F: FnOnce(HookContext) -> Fut + Send + 'static,
        Fut: Future<Output: IntoOutcome> + Send + 'static,
    {
        self.add(name.into(), Kind::Future, |context| {
            let future = hook(context);
            Box::pin(async move { future.await.into_outcome() })
        })
    }

    /// Adds a synchronous hook to the stage. It runs on a thread of its own.
    ///
    /// At its limit it is left behind: no thread can be stopped from outside. Where it runs, the
    /// tokio runtime that runs the hooks is entered, as in tokio's `spawn_blocking`. Should the
    /// system refuse a thread, the hook runs on the one that runs the hooks, and may hold up the
    /// others for as long as it takes: late is better than not at all.
    pub fn blocking<F, T>(self, name: impl Into<String>, hook: F) -> Self
    where
        F: FnOnce() -> T + Send + 'static,
        T: IntoOutcome,
    {
        self.blocking_with(name, move |_| hook())
    }

    /// Adds a synchronous hook that is told why the process ends, and how long it has.
    pub fn blocking_with<F, T>(self, name: impl Into<String>, hook: F) -> Self
    where
        F: FnOnce(HookContext) -> T + Send + 'static,
        T: IntoOutcome,
    {
        self.add(name.into(), Kind::Thread, |context| {
            threads::run(context, move |context| hook(context).into_outcome())
        })
    }

    /// Opens the next stage: what is added from here on begins when all before it has ended.
    ///
    /// A stage without hooks does not count.
    pub fn then(mut self) -> Self {
        self.stages.push_back(Stage::new());
        self
    }

    /// Limits the time of the hook that was just added, from its beginning.
    ///
    /// It never gets more than its stage has. Does nothing where no hook was added yet.
    pub fn within(mut self, limit: Duration) -> Self {
        if let Some(hook) = self.stages.iter_mut().rev().find_map(VecDeque::back_mut) {
            hook.time = Time::Within(limit);
        }
        self
    }

    /// Adds a stage of its own that lets time pass, while the program goes on serving.
    ///
    /// Load balancers learn late that a process is about to end, and send requests until then.
    /// So this comes first, before the stage that stops the server. The
    /// [module's page](crate::hooks#a-delay-for-load-balancers) shows how, and what Kubernetes has
    /// to be told.
    ///
    /// The time is part of the budget. It passes in full, unless that would leave nothing to the
    /// stages after it: then it is cut to its share, and reported as timed out. Nothing prolongs
    /// it, and nothing but a forced exit cuts it short.
    pub fn keep_serving(self, time: Duration) -> Self {
        let mut hooks = self.then().add("keep serving".into(), Kind::Pause, |_| {
            Box::pin(future::pending()) // the clock ends it
        });
        if let Some(hook) = hooks.stages.back_mut().and_then(VecDeque::back_mut) {
            hook.time = Time::Exactly(time);
        }
        hooks.then()
    }

    /// Adds a hook with a limit of its own in front of all others, to the first stage.
    #[allow(dead_code, reason = "only the feature `lambda` needs it")]
    pub(crate) fn first<F, Fut>(mut self, name: &str, limit: Duration, hook: F) -> Self
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output: IntoOutcome> + Send + 'static,
    {
        let mut added = Self::new().hook(name, hook).within(limit);
        if let Some(stage) = self.stages.front_mut() {
            let others = std::mem::take(stage);
            stage.extend(added.stages.drain(..).flatten().chain(others));
        }
        self
    }

    /// Shortens the budget where it is longer.
    #[allow(dead_code, reason = "only the feature `lambda` needs it")]
    pub(crate) fn budget_at_most(mut self, longest: Duration) -> Self {
        self.budget = self.budget.min(longest);
        self
    }

    fn add(
        mut self,
        name: String,
        kind: Kind,
        begin: impl FnOnce(HookContext) -> Running + Send + 'static,
    ) -> Self {
        let hook = Hook { name, kind, time: Time::Share, begin: Box::new(begin) };
        if let Some(stage) = self.stages.back_mut() {
            stage.push_back(hook);
        }
        self
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |stage: &Stage| stage.iter().map(|hook| hook.name.clone()).collect::<Vec<_>>();
        f.debug_struct("Hooks")
            .field("budget", &self.budget)
            .field("stages", &self.stages.iter().map(names).collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
