//! One hook, before it runs and while it does.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use super::context::HookContext;
use super::report::Outcome;
use crate::catch_panic::catch_panic;

/// A hook that waits for its stage.
pub(super) struct Hook {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) time: Time,
    pub(super) begin: Box<dyn FnOnce(HookContext) -> Running + Send>,
}

/// A hook that has begun.
pub(super) type Running = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// What a hook is made of; its limit means something else for each.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Future,
    Thread,
    Pause,
}

/// How long a hook may take.
#[derive(Clone, Copy)]
pub(super) enum Time {
    /// As long as its stage.
    Share,
    Within(Duration),
    /// A pause: so long, be it more than the share of its stage.
    Exactly(Duration),
}

/// What a hook may return: `()`, or a `Result<(), E>` of any error; or nothing ever, as `todo!()` does.
///
/// Nobody else can implement it.
#[diagnostic::on_unimplemented(
    message = "a hook returns `()` or `Result<(), E>`, not `{Self}`",
    note = "end it with a semicolon to ignore the value, or with `.map(drop)` for a result"
)]
pub trait IntoOutcome: sealed::Sealed {
    #[doc(hidden)]
    fn into_outcome(self) -> Outcome;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for () {}
    impl<E> Sealed for Result<(), E> {}
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

impl IntoOutcome for () {
    fn into_outcome(self) -> Outcome {
        Outcome::Done
    }
}

impl<E: Into<Box<dyn Error + Send + Sync>>> IntoOutcome for Result<(), E> {
    fn into_outcome(self) -> Outcome {
        self.map_or_else(|error| Outcome::Failed(error.into()), |()| Outcome::Done)
    }
}

#[doc(hidden)] // its name on the page would be that detour
impl IntoOutcome for Never {
    fn into_outcome(self) -> Outcome {
        self
    }
}

/// Runs code of the user and turns a panic into an outcome. A hook that panicked is never polled
/// again.
pub(super) fn caught<T>(f: impl FnOnce() -> T) -> Result<T, Outcome> {
    catch_panic(f).map_err(Outcome::Panicked)
}
