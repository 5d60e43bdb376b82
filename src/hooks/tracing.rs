#![doc = include_str!("../../features/tracing.md")]

use std::sync::OnceLock;
use std::time::Duration;

use ::tracing::span::{Entered, Id};
use ::tracing::{Span, info, info_span, warn};

use super::hook::caught;
use super::report::{HookReport, Outcome, Report};
use crate::human_duration::HumanDuration;
use crate::in_flight::InFlightEntry;
use crate::reason::Reason;

// Subscribers are foreign code, and some panic where standard error is closed. Such a one hears
// nothing, and the hooks go on: all that reaches a subscriber runs under `caught`.

/// The span of a shutdown.
#[derive(Default)]
pub(super) struct Telling(OnceLock<Span>);

/// Inside of that span until it is dropped.
pub(super) struct Inside<'a>(Option<Entered<'a>>);

impl Drop for Telling {
    fn drop(&mut self) {
        let _ = caught(|| drop(self.0.take()));
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        let _ = caught(|| drop(self.0.take()));
    }
}

impl Telling {
    pub(super) fn begin(&self, reason: Option<&Reason>, budget: Duration, hooks: usize) {
        let reason = reason.map(ToString::to_string);
        let _ = caught(|| {
            let span = self.0.get_or_init(|| info_span!("shutdown", reason));
            info!(parent: span, reason, hooks, budget = %HumanDuration(budget), "shutdown begins");
        });
    }

    /// Hooks run inside of the span.
    pub(super) fn enter(&self) -> Inside<'_> {
        Inside(caught(|| self.0.get().map(Span::enter)).unwrap_or(None))
    }

    fn span(&self) -> Option<Id> {
        self.0.get().and_then(Span::id)
    }

    pub(super) fn hook_ended(&self, report: &HookReport) {
        let _ = caught(|| self.tell(report));
    }

    fn tell(&self, report: &HookReport) {
        let (hook, outcome) = (report.name(), report.outcome().label());
        let took_ms = milliseconds(report.took());
        match report.outcome() {
            Outcome::Done => info!(parent: self.span(), hook, outcome, took_ms, "hook ended"),
            Outcome::Failed(_) | Outcome::Panicked(_) => {
                let error = report.outcome().detail().unwrap_or_default();
                warn!(parent: self.span(), hook, outcome, took_ms, error, "hook ended");
            }
            _ => {
                let still_open = names(report.in_flight());
                warn!(parent: self.span(), hook, outcome, took_ms, still_open, "hook given up");
            }
        }
    }

    pub(super) fn over(&self, report: &Report) {
        let (clean, took_ms) = (report.is_clean(), milliseconds(report.took()));
        for hook in report.hooks().iter().filter(|hook| !hook.is_traced) {
            self.hook_ended(hook);
        }
        let _ = caught(|| info!(parent: self.span(), clean, took_ms, "shutdown ends"));
    }
}

fn names(open: &[InFlightEntry]) -> Option<String> {
    let names: Vec<_> = open.iter().map(ToString::to_string).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
