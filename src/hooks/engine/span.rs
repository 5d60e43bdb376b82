//! The span and the events for the feature `tracing`. Without it, nothing here has an effect.
//!
//! Hooks run inside the span, so it is entered on their threads. The events are sent there, too, not on
//! the thread of an observer: there they would be late, and without the subscriber that is set for the
//! thread of the hooks only.
//!
//! Some subscribers panic if standard error is closed. All calls of a subscriber run under
//! `catch_panic`: it misses that event, and the hooks continue.
#![cfg_attr(not(feature = "tracing"), allow(clippy::all, clippy::pedantic, reason = "no effect"))]

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

#[cfg(feature = "tracing")]
use ::tracing::{Dispatch, Level, Span, dispatcher, enabled, event, info_span};
#[cfg(not(feature = "tracing"))]
use std::convert::{Infallible as Dispatch, Infallible as Span};

use crate::hooks::event::{Event, Started};
use crate::hooks::report::HookReport;
use crate::util::human_list::HumanList;
use crate::util::panic::catch_panic;

/// One target, so that `RUST_LOG=signoff=info` has all of it, wherever the code is.
const TARGET: &str = "signoff";

/// Calls the subscriber, if there is the feature.
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
    span: OnceLock<Caught<Span>>,
}

impl ShutdownSpan {
    pub(super) const IS_ENABLED: bool = cfg!(feature = "tracing");

    /// Sends the event to the subscriber, which may block.
    pub(super) fn on_event(&self, event: Arc<Event>) {
        match &*event {
            Event::Started(started) => self.started(started),
            Event::HookStarted(hook) => {
                send!(self, INFO, hook = hook.name(), stage = hook.stage(), "hook started");
            }
            Event::HookEnded(hook) => self.hook_ended(hook),
            Event::Ended(report) => {
                let (clean, took_ms) = (report.is_clean(), milliseconds(report.took()));
                send!(self, INFO, clean, took_ms, "shutdown ended");
            }
            Event::Running(_) => {}
        }
        let _ = catch_panic(|| drop(event)); // it may own the error of a hook
    }

    /// Enters the span until the returned guard is dropped: for the code of hooks.
    pub(super) fn enter(&self) -> impl Sized {
        traced!(Caught(self.get().map(Span::enter)))
    }

    fn started(&self, started: &Started) {
        let _ = traced!({
            let reason = started.reason().map(ToString::to_string);
            let span = || Caught(Some(info_span!(target: TARGET, "shutdown", reason)));
            self.span.get_or_init(span);
        });
        let (hooks, budget_ms) = (started.hooks(), milliseconds(started.budget()));
        send!(self, INFO, hooks, budget_ms, "shutdown started");
    }

    fn hook_ended(&self, hook: &HookReport) {
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

/// The subscriber of one thread, for events that another thread sends.
pub(in crate::hooks) struct Subscriber {
    dispatch: Option<Dispatch>,
}

/// Sends an event, and returns whether the subscriber has enabled it.
macro_rules! send_if_enabled {
    ($subscriber:ident, $level:ident, $text:ident) => {{
        let mut is_sent = false;
        if let Some(dispatch) = &$subscriber.dispatch {
            let _ = traced!(dispatcher::with_default(dispatch, || {
                event!(target: TARGET, Level::$level, "{}", $text);
                is_sent = enabled!(target: TARGET, Level::$level);
            }));
        }
        is_sent
    }};
}

impl Subscriber {
    /// The subscriber of this thread.
    pub(in crate::hooks) fn current() -> Self {
        let mut dispatch = None;
        let _ = traced!(dispatch = Some(dispatcher::get_default(Clone::clone)));
        Self { dispatch }
    }

    /// Sends an event, and returns whether the subscriber has enabled it.
    pub(in crate::hooks) fn info(&self, text: &impl fmt::Display) -> bool {
        send_if_enabled!(self, INFO, text)
    }

    /// The same for an error.
    pub(in crate::hooks) fn error(&self, text: &impl fmt::Display) -> bool {
        send_if_enabled!(self, ERROR, text)
    }
}
