//! One hook, before it starts: its identity, its kind, its limit, and what it is called with.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::event::time_left;
use super::report::{ErrorText, Outcome};
use crate::signal::reason::Reason;

/// A hook that waits for its stage.
pub(super) struct Hook {
    pub(super) name: Arc<str>,
    pub(super) kind: Kind,
    pub(super) limit: TimeLimit,
    pub(super) start: Box<dyn FnOnce(HookContext) -> HookFuture + Send>,
}

impl Hook {
    pub(super) fn asynchronous<F, Fut, E>(name: Arc<str>, hook: F) -> Self
    where
        F: FnOnce(HookContext) -> Fut + Send + 'static,
        Fut: AsyncHook<Returned: IntoOutcome<E>> + Send + 'static,
    {
        Self::new(name, Kind::Async, |context| {
            let future = hook(context);
            Box::pin(async move { future.await.into_outcome() })
        })
    }

    pub(super) fn blocking<F, T, E>(name: Arc<str>, hook: F) -> Self
    where
        F: FnOnce(HookContext) -> T + Send + 'static,
        T: IntoOutcome<E>,
    {
        Self::new(name, Kind::Blocking, |context| {
            Box::pin(async move { hook(context).into_outcome() })
        })
    }

    pub(super) fn new(
        name: Arc<str>,
        kind: Kind,
        start: impl FnOnce(HookContext) -> HookFuture + Send + 'static,
    ) -> Self {
        Self { name, kind, limit: TimeLimit::Stage, start: Box::new(start) }
    }
}

/// The identity of a hook, in events and in the report.
#[derive(Debug, Clone)]
pub(super) struct HookId {
    pub(super) name: Arc<str>,
    /// From 1.
    pub(super) stage: usize,
    /// If it is of a set: the place of the set in the stage.
    pub(super) set: Option<usize>,
}

/// A hook that has started. That of a blocking hook blocks when it is polled.
pub(super) type HookFuture = Pin<Box<dyn Future<Output = Outcome> + Send>>;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Async,
    Blocking,
    Delay,
}

impl Kind {
    /// What becomes of a hook that has not returned at its deadline.
    pub(super) fn at_deadline(self, is_own_limit: bool) -> Outcome {
        match self {
            Self::Delay if is_own_limit => Outcome::Done,
            Self::Async | Self::Delay => Outcome::TimedOut,
            Self::Blocking => Outcome::Abandoned,
        }
    }
}

/// How long a hook may take.
#[derive(Clone, Copy)]
pub(super) enum TimeLimit {
    /// As long as its stage.
    Stage,
    Within(Duration),
    /// A delay takes this long, even if that is more than the share of its stage.
    Exactly(Duration),
}

impl TimeLimit {
    /// The most that the hook needs, if that is known.
    pub(super) fn longest(self) -> Option<Duration> {
        match self {
            Self::Stage => None,
            Self::Within(limit) | Self::Exactly(limit) => Some(limit),
        }
    }
}

/// Why the process shuts down, and how much time a hook has.
#[derive(Clone)]
pub struct HookContext {
    pub(super) reason: Option<Reason>,
    pub(super) deadline: Option<Instant>,
}

impl HookContext {
    /// Returns the reason for the shutdown, or `None` if the hooks were [`run`](crate::Hooks::run)
    /// without a signal.
    #[must_use]
    pub fn reason(&self) -> Option<&Reason> {
        self.reason.as_ref()
    }

    /// Returns the time at which this hook times out, or `None` if it has no limit.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Returns how much time this hook has from now on, or `None` if it has no limit.
    #[must_use]
    pub fn time_left(&self) -> Option<Duration> {
        time_left(self.deadline)
    }
}

impl fmt::Debug for HookContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HookContext")
            .field("reason", &self.reason)
            .field("time_left", &self.time_left())
            .finish_non_exhaustive()
    }
}

/// The future of an asynchronous hook.
#[diagnostic::on_unimplemented(
    message = "`hook` takes an asynchronous closure, and this one returns `{Self}`",
    label = "not a future",
    note = "write `async || …`, or pass a synchronous closure to `blocking`"
)]
pub trait AsyncHook: Future<Output = Self::Returned> {
    /// What the hook returns.
    type Returned;
}

#[diagnostic::do_not_recommend]
impl<T: Future> AsyncHook for T {
    type Returned = T::Output;
}

/// What a hook may return: `()`, or a `Result` with any error. Also a result of a result, as a
/// `JoinHandle` gives it, and the type of `todo!()`.
///
/// This trait is sealed. `E` is inferred: it is the kind of error.
#[diagnostic::on_unimplemented(
    message = "a hook returns `()` or a `Result` of `()`, not `{Self}`",
    note = "an error is an error type, a text or a `Box<dyn Error>`",
    note = "to ignore a value, end the hook with a semicolon; in a `Result`, with `.map(|_| ())`",
    note = "`blocking` takes a synchronous closure; pass an asynchronous one to `hook`"
)]
pub trait IntoOutcome<E>: sealed::Sealed {
    #[doc(hidden)]
    fn into_outcome(self) -> Outcome;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for () {}
    impl<T: Sealed, E> Sealed for Result<T, E> {}
    impl Sealed for super::Never {}

    pub trait Returns {
        type Value;
    }
    impl<T> Returns for fn() -> T {
        type Value = T;
    }
}

/// The type `!`, which has a name only as what a function returns.
type Never = <fn() -> ! as sealed::Returns>::Value;

#[diagnostic::do_not_recommend]
impl IntoOutcome<()> for () {
    fn into_outcome(self) -> Outcome {
        Outcome::Done
    }
}

#[diagnostic::do_not_recommend]
impl<T, E, F> IntoOutcome<(E, Kept)> for Result<T, F>
where
    T: IntoOutcome<E>,
    F: Into<Box<dyn Error + Send + Sync>>,
{
    fn into_outcome(self) -> Outcome {
        self.map_or_else(Outcome::failed, T::into_outcome)
    }
}

#[diagnostic::do_not_recommend]
impl<T: IntoOutcome<E>, E> IntoOutcome<(E, Copied)> for Result<T, Box<dyn Error>> {
    fn into_outcome(self) -> Outcome {
        self.map_or_else(|error| Outcome::failed(ErrorText::of(&*error)), T::into_outcome)
    }
}

#[diagnostic::do_not_recommend]
impl<T: IntoOutcome<E>, E> IntoOutcome<(E, Copied)> for Result<T, Box<dyn Error + Send>> {
    fn into_outcome(self) -> Outcome {
        self.map_or_else(|error| Outcome::failed(ErrorText::of(&*error)), T::into_outcome)
    }
}

/// The report has the error itself.
#[derive(Debug)]
pub struct Kept;

/// The error cannot go to another thread. The report has its text and that of its causes.
#[derive(Debug)]
pub struct Copied;

#[diagnostic::do_not_recommend]
#[doc(hidden)] // its name on the page would be that detour
impl IntoOutcome<()> for Never {
    fn into_outcome(self) -> Outcome {
        self
    }
}
