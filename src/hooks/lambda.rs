//! The methods of `Hooks` that only the Lambda adapter uses.

use std::time::Duration;

use super::builder::Hooks;
use super::hook::{AsyncHook, IntoOutcome};

impl Hooks {
    /// Adds a hook to the first stage, in front of all others, with a limit of its own.
    pub(crate) fn first<F, Fut, E>(mut self, name: &str, limit: Duration, hook: F) -> Self
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: AsyncHook<Returned: IntoOutcome<E>> + Send + 'static,
    {
        let mut added = Self::new().hook(name, hook).within(limit);
        if let Some(stage) = self.stages.front_mut() {
            stage.splice(..0, added.stages.drain(..).flatten());
        }
        self
    }

    /// Shortens the budget if it is longer.
    pub(crate) fn budget_at_most(mut self, longest: Duration) -> Self {
        self.budget = self.budget.min(longest);
        self
    }
}
