//! Panics in code of the user, caught and turned into their message.

use std::any::Any;
use std::mem;
use std::panic::{self, AssertUnwindSafe};
use std::task::Waker;

/// Runs `f` and returns its panic message if it panics.
///
/// The caller must not use what `f` has left half done.
pub(crate) fn catch_panic<T>(f: impl FnOnce() -> T) -> Result<T, String> {
    panic::catch_unwind(AssertUnwindSafe(f)).map_err(|payload| {
        let message = panic_message(&*payload).to_owned();
        if text(&*payload).is_none() {
            mem::forget(payload); // its drop is code of the user and may panic too
        }
        message
    })
}

/// Wakes a task. A panic of the waker must not keep others from being woken.
pub(crate) fn wake(waker: Waker) {
    let _ = catch_panic(|| waker.wake());
}

/// Returns the message of a panic.
pub(crate) fn panic_message(payload: &(dyn Any + Send)) -> &str {
    text(payload).unwrap_or("no message")
}

fn text(payload: &(dyn Any + Send)) -> Option<&str> {
    let literal = payload.downcast_ref::<&'static str>().copied();
    literal.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
}
