//! The identity of a hook in events and in the report.

use std::sync::Arc;

/// Which hook it is.
#[derive(Debug, Clone)]
pub(super) struct HookId {
    pub(super) name: Arc<str>,
    /// From 1.
    pub(super) stage: usize,
    /// If it is of a set: the place of the set in the stage.
    pub(super) set: Option<usize>,
}
