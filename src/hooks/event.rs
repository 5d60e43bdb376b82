//! What observers hear of a shutdown.

use std::time::{Duration, Instant};
use std::{fmt, iter};

use super::hook::HookId;
use super::report::{HookReport, Report};
use crate::in_flight::InFlightEntry;
use crate::signal::reason::Reason;
use crate::util::human_duration::HumanDuration;
use crate::util::human_list::HumanList;

/// What happens during a shutdown, for an [`Observer`](super::Observer).
///
/// `Started` is the first event, and `Ended` the last one. Each hook is in one `HookEnded`, after its
/// `HookStarted` if it has started. All hooks of a stage are in a `HookEnded` before the next stage
/// starts.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// The hooks are about to start.
    Started(Started),
    /// A hook starts.
    HookStarted(RunningHook),
    /// A hook has ended, was given up, or never started.
    HookEnded(HookReport),
    /// Hooks are running. An observer receives this once a second until nothing runs.
    Running(Running),
    /// All hooks have ended. Afterwards [`exit_on`](crate::Hooks::exit_on) exits the process.
    Ended(Report),
}

/// The start of a shutdown.
#[derive(Debug, Clone)]
pub struct Started {
    pub(super) reason: Option<Reason>,
    pub(super) budget: Duration,
    pub(super) deadline: Option<Instant>,
    pub(super) hooks: usize,
    /// What a Ctrl-C does.
    pub(crate) ctrl_c: Option<&'static str>,
}

impl Started {
    /// Returns the reason for the shutdown, or `None` if the hooks were [`run`](crate::Hooks::run)
    /// without a signal.
    #[must_use]
    pub fn reason(&self) -> Option<&Reason> {
        self.reason.as_ref()
    }

    /// Returns the budget that all hooks share.
    #[must_use]
    pub fn budget(&self) -> Duration {
        self.budget
    }

    /// Returns the time left in the budget, or `None` if it has no limit.
    #[must_use]
    pub fn time_left(&self) -> Option<Duration> {
        time_left(self.deadline)
    }

    /// Returns the number of hooks.
    #[must_use]
    pub fn hooks(&self) -> usize {
        self.hooks
    }
}

/// The most names in one line. The others are counted.
const MAX_NAMED: usize = 5;

/// What runs at one moment of a shutdown.
///
/// `Display` is one line: `waiting for requests (2.0 s of 4.0 s; in flight: GET /report (3.1 s))`. It
/// has at most five names, first those of hooks, and counts the others.
#[derive(Debug, Clone)]
pub struct Running {
    pub(super) hooks: Vec<RunningHook>,
    pub(super) deadline: Option<Instant>,
}

impl Running {
    /// Returns the running hooks, in the order in which they were added.
    #[must_use]
    pub fn hooks(&self) -> &[RunningHook] {
        &self.hooks
    }

    /// Returns the time left in the budget, or `None` if it has no limit.
    #[must_use]
    pub fn time_left(&self) -> Option<Duration> {
        time_left(self.deadline)
    }

    /// Returns the names of all that the shutdown waits for: hooks, and the work they wait for.
    pub(crate) fn names(&self) -> Vec<String> {
        let of_hook = |hook: &RunningHook| {
            let in_flight = hook.in_flight.iter().map(|entry| entry.name().to_owned());
            iter::once(hook.name().to_owned()).chain(in_flight).collect::<Vec<_>>()
        };
        self.hooks.iter().flat_map(of_hook).collect()
    }
}

impl fmt::Display for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = MAX_NAMED.saturating_sub(self.hooks.len());
        let hooks = self.hooks.iter().map(|hook| {
            let named = left.min(hook.in_flight.len());
            left -= named;
            Named(hook, named)
        });
        write!(f, "waiting for {}", HumanList::new(&hooks.collect::<Vec<_>>()).max(MAX_NAMED))
    }
}

/// A hook that runs.
#[derive(Debug, Clone)]
pub struct RunningHook {
    pub(super) id: HookId,
    pub(super) started: Instant,
    pub(super) running_for: Duration,
    pub(super) deadline: Option<Instant>,
    pub(super) in_flight: Vec<InFlightEntry>,
}

impl RunningHook {
    /// Returns the hook's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.id.name
    }

    /// Returns the number of the hook's stage. The first stage is 1.
    #[must_use]
    pub fn stage(&self) -> usize {
        self.id.stage
    }

    /// Returns how long the hook had been running at the time of the event.
    #[must_use]
    pub fn running_for(&self) -> Duration {
        self.running_for
    }

    /// Returns the time between the start of the hook and its deadline, or `None` if it has no limit.
    #[must_use]
    pub fn limit(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(self.started))
    }

    /// Returns the time left until the deadline of the hook, or `None` if it has no limit.
    #[must_use]
    pub fn time_left(&self) -> Option<Duration> {
        time_left(self.deadline)
    }

    /// Returns the [in-flight work](crate::InFlight) that the hook waits for, the oldest first.
    #[must_use]
    pub fn in_flight(&self) -> &[InFlightEntry] {
        &self.in_flight
    }
}

/// `requests (2.0 s of 4.0 s; in flight: GET /report (3.1 s))`.
impl fmt::Display for RunningHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Named(self, MAX_NAMED - 1).fmt(f)
    }
}

/// A hook, and how much of the work in flight is named.
struct Named<'a>(&'a RunningHook, usize);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(hook, named) = *self;
        write!(f, "{} ({}", hook.id.name, HumanDuration(hook.running_for))?;
        if let Some(limit) = hook.limit() {
            write!(f, " of {}", HumanDuration(limit))?;
        }
        match (hook.in_flight.len(), named) {
            (0, _) => {}
            (number, 0) => write!(f, "; {number} in flight")?,
            _ => write!(f, "; in flight: {}", HumanList::new(&hook.in_flight).max(named))?,
        }
        f.write_str(")")
    }
}

pub(super) fn time_left(deadline: Option<Instant>) -> Option<Duration> {
    deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
}
