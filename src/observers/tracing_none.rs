//! The twin of `tracing` without that feature: does nothing.

use std::time::Duration;

use crate::hooks::{HookReport, Report};
use crate::signal::reason::Reason;

#[derive(Default)]
pub(crate) struct ShutdownSpan(());

#[allow(clippy::unused_self, reason = "its twin has a span")]
impl ShutdownSpan {
    pub(crate) fn shutdown_started(&self, _: Option<&Reason>, _: Duration, _: usize) {}

    pub(crate) fn enter(&self) -> &() {
        &self.0
    }

    pub(crate) fn hook_started(&self, _: &str, _: usize) {}

    pub(crate) fn hook_ended(&self, _: &HookReport) {}

    pub(crate) fn shutdown_ended(&self, _: &Report) {}
}
