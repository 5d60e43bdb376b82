//! Windows: console events.
//!
//! - `event`: the events and their signals.
//! - `registry`: the console handler and the listeners that it reaches.
//! - `exit`: how a process ends at once.
//! - `lifelines`: standard input and the parent process.
//! - `wake_fd`: the descriptor that Unix has, and Windows does not need.
//!
//! Windows runs a handler on a thread of its own, so it may lock, allocate and wake every waiter.
//! Neither a descriptor nor a backend is needed in between.
#![allow(unsafe_code, reason = "system calls and the console handler")]

mod event;
pub(crate) mod exit;
mod lifelines;
mod registry;
mod wake_fd;

pub(crate) use event::{exists, is_allowed, unblock};
pub(crate) use lifelines::LifelineWatch;
pub(crate) use registry::{begin, register, release, unregister, wait_for_deliveries};
pub(crate) use wake_fd::WakeFd;

/// There is no `SIGHUP`.
pub(crate) fn outlive_hangup() {}

/// A backend has nothing to wait for.
pub(crate) const HANDLER_WAKES_WAITERS: bool = true;
