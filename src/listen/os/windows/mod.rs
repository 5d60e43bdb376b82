//! Windows: console events.
//!
//! - `event`: the events and their signals.
//! - `registry`: the console handler and the listeners that it reaches.
//! - `listener`: what the handler does for one call of `listen`.
//! - `owner`: which process a listener belongs to: there is no fork.
//! - `exit`: how a process ends at once.
//!
//! Windows runs a handler on a thread of its own, so it may lock, allocate and wake every waiter.
//! Neither a descriptor nor a backend is needed in between.
#![allow(unsafe_code, reason = "system calls and the console handler")]

mod event;
pub(crate) mod exit;
mod listener;
mod owner;
mod registry;

pub(crate) use event::{exists, is_allowed, unblock};
pub(crate) use listener::Listener;
pub(crate) use owner::Owner;
pub(crate) use registry::{Registered, begin, register, unregister, wait_for_deliveries};

/// A backend has nothing to wait for.
pub(crate) const HANDLER_WAKES_WAITERS: bool = true;
