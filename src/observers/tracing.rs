#![doc = include_str!("../../features/tracing.md")]

use std::sync::OnceLock;
use std::time::Duration;

use ::tracing::span::{Entered, Id};
use ::tracing::{Span, info, info_span, warn};

use crate::hooks::{HookReport, Outcome, Report};
use crate::in_flight::InFlightEntry;
use crate::signal::reason::Reason;
use crate::util::panic::catch_panic;

// This is not an `Observer`: hooks run inside the span, so it must be entered on the threads of the
// hooks, before their code runs. An observer has a thread of its own. Events would also arrive there
// late, without the subscriber that is set for the thread of the hooks only.
//
// Some subscribers panic if standard error is closed. All that reaches a subscriber runs under
// `catch_panic`: it misses that event, and the hooks go on.

/// The span of a shutdown.
#[derive(Default)]
pub(crate) struct ShutdownSpan(OnceLock<Span>);

/// The span is entered until this is dropped.
pub(crate) struct InSpan<'a>(Option<Entered<'a>>);

impl Drop for ShutdownSpan {
    fn drop(&mut self) {
        let _ = catch_panic(|| drop(self.0.take()));
    }
}

impl Drop for InSpan<'_> {
    fn drop(&mut self) {
        let _ = catch_panic(|| drop(self.0.take()));
    }
}

impl ShutdownSpan {
    pub(crate) fn shutdown_started(&self, reason: Option<&Reason>, budget: Duration, hooks: usize) {
        let reason = reason.map(ToString::to_string);
        let budget_ms = milliseconds(budget);
        let _ = catch_panic(|| {
            let span = self.0.get_or_init(|| info_span!("shutdown", reason));
            info!(parent: span, reason, hooks, budget_ms, "shutdown started");
        });
    }

    /// For the code of hooks.
    pub(crate) fn enter(&self) -> InSpan<'_> {
        InSpan(catch_panic(|| self.0.get().map(Span::enter)).unwrap_or(None))
    }

    pub(crate) fn hook_started(&self, hook: &str, stage: usize) {
        let _ = catch_panic(|| info!(parent: self.id(), hook, stage, "hook started"));
    }

    pub(crate) fn hook_ended(&self, report: &HookReport) {
        let _ = catch_panic(|| match report.outcome() {
            Outcome::Done => self.hook_done(report),
            Outcome::Failed(_) | Outcome::Panicked(_) => self.hook_failed(report),
            _ => self.hook_late(report),
        });
    }

    fn hook_done(&self, report: &HookReport) {
        let (hook, stage, outcome, took_ms) = fields(report);
        info!(parent: self.id(), hook, stage, outcome, took_ms, "hook ended");
    }

    fn hook_failed(&self, report: &HookReport) {
        let (hook, stage, outcome, took_ms) = fields(report);
        let error = report.outcome().detail().unwrap_or_default();
        warn!(parent: self.id(), hook, stage, outcome, took_ms, error, "hook ended");
    }

    fn hook_late(&self, report: &HookReport) {
        let (hook, stage, outcome, took_ms) = fields(report);
        let in_flight = names(report.in_flight());
        warn!(parent: self.id(), hook, stage, outcome, took_ms, in_flight, "hook ended");
    }

    pub(crate) fn shutdown_ended(&self, report: &Report) {
        let (clean, took_ms) = (report.is_clean(), milliseconds(report.took()));
        let _ = catch_panic(|| info!(parent: self.id(), clean, took_ms, "shutdown ended"));
    }

    fn id(&self) -> Option<Id> {
        self.0.get().and_then(Span::id)
    }
}

fn fields(report: &HookReport) -> (&str, usize, &'static str, u64) {
    let (outcome, took_ms) = (report.outcome().label(), milliseconds(report.took()));
    (report.name(), report.stage(), outcome, took_ms)
}

fn names(in_flight: &[InFlightEntry]) -> Option<String> {
    let names: Vec<_> = in_flight.iter().map(ToString::to_string).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
