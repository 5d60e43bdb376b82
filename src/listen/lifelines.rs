//! The lifelines of a program: standard input, and the parent process.
//!
//! One thread watches both. The end of one of them is a request with a reason of its own. The thread ends
//! with the request or with the last clone of the signal. On Unix the descriptor of the listener, which
//! is readable from then on, wakes it; on Windows it is unparked.

use std::sync::Arc;
use std::thread::{self, Thread};

use crate::error::Error;
use crate::listen::listener::Listener;
use crate::listen::os::{HANDLER_WAKES_WAITERS, LifelineWatch};
use crate::signal::options::Lifelines;
use crate::signal::reason::Reason;

/// Starts the thread, which is parked until the caller has begun to listen. `None` if there is nothing to
/// watch.
pub(super) fn start(
    lifelines: Lifelines,
    listener: &Arc<Listener>,
) -> Result<Option<Thread>, Error> {
    let Some(lifelines) = LifelineWatch::new(lifelines).map_err(Error::Parent)? else {
        return Ok(None);
    };
    let watched = Arc::clone(listener);
    let watch = move || {
        thread::park();
        watch(&watched, lifelines);
    };
    let handle = thread::Builder::new().name("signoff".into()).spawn(watch);
    let thread = handle.map_err(Error::Thread)?.thread().clone();
    if HANDLER_WAKES_WAITERS {
        listener.set_parked_thread(&thread); // unparked with the last clone
    }
    Ok(Some(thread))
}

fn watch(listener: &Listener, mut lifelines: LifelineWatch) {
    while !listener.is_over() {
        match lifelines.ended() {
            Some(reason) => return request(listener, reason),
            None => lifelines.wait(listener),
        }
    }
}

/// As `ShutdownSignal::request`, but without a clone of the signal.
fn request(listener: &Listener, reason: Reason) {
    let latch = listener.target().latch();
    if let Some(latch) = latch.filter(|latch| latch.set_by_request(reason)) {
        listener.wake();
        latch.wake_all();
    }
}
