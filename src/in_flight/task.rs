//! Tasks in flight, whose panics are recorded.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::{self, AssertUnwindSafe};
use std::pin::pin;

use super::{InFlight, InFlightGuard};
use crate::util::panic::panic_message;
use crate::util::sync::lock;

impl InFlight {
    /// Wraps a task: counts it until it ends or is dropped, and records its panic.
    ///
    /// If the task panics, a hook that waits for [`drained`](Self::drained) fails with
    /// [`TaskPanicked`]. So the report is not clean, even if the panic came long before the
    /// shutdown. The panic then continues as without the wrapper. For requests, whose panics should
    /// not fail a later shutdown, use [`enter`](Self::enter).
    ///
    /// The task counts from this call on, so call it before the task is spawned:
    ///
    /// ```
    /// # async fn flush() {}
    /// # fn spawn(task: impl Future + Send + 'static) { futures_lite::future::block_on(task); }
    /// let in_flight = signoff::InFlight::new();
    /// spawn(in_flight.track("flush", async { flush().await }));
    /// ```
    pub fn track<N, F>(&self, name: N, task: F) -> impl Future<Output = F::Output> + use<N, F>
    where
        N: Into<Cow<'static, str>>,
        F: Future,
    {
        run(task, self.enter(name), self.clone())
    }

    /// Returns the first panic of a [tracked](Self::track) task, or `None` if none panicked.
    #[must_use]
    pub fn panicked(&self) -> Option<TaskPanicked> {
        lock(&self.0.panicked).clone()
    }

    fn record_panic(&self, name: Cow<'static, str>, message: String) {
        match &mut *lock(&self.0.panicked) {
            Some(panicked) => panicked.others += 1,
            none => *none = Some(TaskPanicked { name, message, others: 0 }),
        }
    }
}

/// Keeps the guard until the task is dropped: locals are dropped in reverse order, and in order if it
/// was never polled.
async fn run<F: Future>(task: F, guard: InFlightGuard, work: InFlight) -> F::Output {
    let guard = guard;
    let mut task = pin!(task);
    poll_fn(|cx| {
        let polled = panic::catch_unwind(AssertUnwindSafe(|| task.as_mut().poll(cx)));
        polled.unwrap_or_else(|payload| {
            work.record_panic(guard.name(), panic_message(&*payload).to_owned());
            panic::resume_unwind(payload) // F5: the guard is dropped while the panic unwinds
        })
    })
    .await
}

/// A [tracked](InFlight::track) task has panicked.
///
/// ```
/// # use std::{panic::catch_unwind, panic::AssertUnwindSafe};
/// let in_flight = signoff::InFlight::new();
/// let flush = in_flight.track("flush", async { panic!("disk full") });
/// # let _ = catch_unwind(AssertUnwindSafe(|| futures_lite::future::block_on(flush)));
/// assert_eq!(in_flight.panicked().unwrap().to_string(), "task flush panicked: disk full");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskPanicked {
    name: Cow<'static, str>,
    message: String,
    others: usize,
}

impl TaskPanicked {
    /// Returns the name of the task.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the panic message.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns how many other tasks panicked after this one.
    #[must_use]
    pub fn others(&self) -> usize {
        self.others
    }
}

impl fmt::Display for TaskPanicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task {} panicked: {}", self.name, self.message)?;
        match self.others {
            0 => Ok(()),
            others => write!(f, " (and {others} more panicked)"),
        }
    }
}

impl Error for TaskPanicked {}
