//! What only a child has, and what only a latch without a parent has. There may be many children, so
//! they are small.

#[cfg(all(unix, feature = "blocking"))]
use std::thread::Thread;

use super::Latch;
use super::cause::SignalCause;
use super::lazy_thread::LazyThread;
use super::parent::Parent;

pub(super) enum Role {
    Root(Box<Root>),
    Child(Parent),
}

/// What a latch without a parent has: a signal can set it.
#[derive(Default)]
pub(super) struct Root {
    pub(super) signal: SignalCause,
    thread: LazyThread,
}

impl Latch {
    pub(super) fn root(&self) -> Option<&Root> {
        if let Role::Root(root) = &self.role { Some(root) } else { None }
    }

    pub(super) fn parent(&self) -> Option<&Parent> {
        if let Role::Child(parent) = &self.role { Some(parent) } else { None }
    }

    /// There is a waiter.
    pub(super) fn start_watching(&self) {
        if let Some(root) = self.root() {
            root.thread.start_watching();
        }
    }

    /// Has `thread` unparked when there is a waiter.
    #[cfg(all(unix, feature = "blocking"))]
    pub(crate) fn set_thread(&self, thread: Thread) {
        if let Some(root) = self.root() {
            root.thread.set(thread);
        }
    }

    /// Whether there has been a waiter.
    #[cfg(all(unix, feature = "blocking"))]
    pub(crate) fn is_watching(&self) -> bool {
        self.root().is_some_and(|root| root.thread.is_watching())
    }
}
