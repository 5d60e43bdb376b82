//! The span and the events for the feature `tracing`. Without it, nothing here has an effect.
//!
//! This is not an [`Observer`](super::Observer): hooks run inside the span, so it is entered on their
//! threads, before their code runs. An observer has a thread of its own. Events would arrive there
//! late, and without the subscriber that is set for the thread of the hooks only.
//!
//! Some subscribers panic if standard error is closed. All calls of a subscriber run under
//! `catch_panic`: it misses that event, and the hooks continue.
#![cfg_attr(
    not(feature = "tracing"),
    allow(unused, clippy::all, clippy::pedantic, reason = "no effect")
)]

use std::sync::OnceLock;
use std::time::Duration;

#[cfg(feature = "tracing")]
use ::tracing::{Level, Span, event, info_span};

use super::report::{HookReport, Report};
use crate::signal::reason::Reason;
use crate::util::human_list::HumanList;
use crate::util::panic::catch_panic;

/// One target, so that `RUST_LOG=signoff=info` has all of it, wherever the code is.
const TARGET: &str = "signoff";

/// Calls the subscriber.
macro_rules! traced {
    ($($body:tt)*) => {{
        #[cfg(feature = "tracing")]
        catch_panic(|| $($body)*)
    }};
}

/// Sends an event.
macro_rules! send {
    ($span:ident, $level:ident, $($fields:tt)+) => {
        let _ = traced!({
            let parent = $span.get().and_then(Span::id);
            event!(target: TARGET, parent: parent, Level::$level, $($fields)+)
        });
    };
}

/// The span of a shutdown.
#[derive(Default)]
pub(super) struct ShutdownSpan {
    #[cfg(feature = "tracing")]
    span: OnceLock<Caught<Span>>,
}

impl ShutdownSpan {
    pub(super) fn shutdown_started(&self, reason: Option<&Reason>, budget: Duration, hooks: usize) {
        let _ = traced!({
            let reason = reason.map(ToString::to_string);
            let span = || Caught(Some(info_span!(target: TARGET, "shutdown", reason)));
            self.span.get_or_init(span);
        });
        send!(self, INFO, hooks, budget_ms = milliseconds(budget), "shutdown started");
    }

    /// Enters the span until the returned guard is dropped: for the code of hooks.
    pub(super) fn enter(&self) -> impl Sized {
        traced!(Caught(self.get().map(Span::enter)))
    }

    pub(super) fn hook_started(&self, hook: &str, stage: usize) {
        send!(self, INFO, hook, stage, "hook started");
    }

    pub(super) fn hook_ended(&self, hook: &HookReport) {
        let (name, stage, outcome) = (hook.name(), hook.stage(), hook.outcome());
        let (label, took_ms) = (outcome.label(), milliseconds(hook.took()));
        if outcome.is_done() {
            send!(self, INFO, hook = name, stage, outcome = label, took_ms, "hook ended");
        } else {
            send!(
                self,
                WARN,
                hook = name,
                stage,
                outcome = label,
                took_ms,
                error = outcome.detail(),
                in_flight = in_flight(hook),
                "hook ended"
            );
        }
    }

    pub(super) fn shutdown_ended(&self, report: &Report) {
        let (clean, took_ms) = (report.is_clean(), milliseconds(report.took()));
        send!(self, INFO, clean, took_ms, "shutdown ended");
    }

    #[cfg(feature = "tracing")]
    fn get(&self) -> Option<&Span> {
        self.span.get()?.0.as_ref()
    }
}

/// Calls the subscriber under `catch_panic` when it is dropped.
struct Caught<T>(Option<T>);

impl<T> Drop for Caught<T> {
    fn drop(&mut self) {
        let _ = catch_panic(|| drop(self.0.take()));
    }
}

fn in_flight(hook: &HookReport) -> Option<String> {
    let names = HumanList::new(hook.in_flight()).max(usize::MAX);
    (!hook.in_flight().is_empty()).then(|| names.to_string())
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
