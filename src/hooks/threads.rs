//! Synchronous hooks, each on a thread of its own.

use std::future;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::thread;

use super::context::HookContext;
use super::hook::{Running, caught};
use super::report::Outcome;
use super::runtime::Place;
use crate::sync::{Mutex, lock};
use crate::tracked_work::in_hook;

// Invariants
//
// T1  The hook is taken out of `job` once, by the thread or, where there is none, by who asked.
// T2  `outcome` is written before the waker is taken, and asked for after the waker is put there.
// T3  No waker is cloned, woken or dropped under a lock.

type Job = Box<dyn FnOnce() -> Outcome + Send>;

struct Shared {
    job: Mutex<Option<Job>>,
    outcome: Mutex<Option<Outcome>>,
    waker: Mutex<Option<Waker>>,
}

/// Starts the hook at once; the future is ready when the hook has ended. Dropping that leaves the
/// thread behind.
pub(super) fn run(
    context: HookContext,
    hook: impl FnOnce(HookContext) -> Outcome + Send + 'static,
) -> Running {
    let place = Place::here();
    let job: Job = Box::new(move || {
        let _entered = place.enter();
        let waits = Arc::clone(&context.waits);
        in_hook(&waits, || caught(|| hook(context))).unwrap_or_else(|panic| panic)
    });
    let shared = Arc::new(Shared {
        job: Mutex::new(Some(job)),
        outcome: Mutex::new(None),
        waker: Mutex::new(None),
    });
    start(&shared);
    Box::pin(future::poll_fn(move |cx| {
        let old = swap(&shared.waker, Some(cx.waker().clone()));
        drop(old); // T3
        lock(&shared.outcome).take().map_or(Poll::Pending, Poll::Ready) // T2
    }))
}

fn start(shared: &Arc<Shared>) {
    let on_thread = Arc::clone(shared);
    let thread = thread::Builder::new().name("signoff-hook".into());
    if thread.spawn(move || on_thread.work()).is_err() {
        shared.work(); // late is better than not at all
    }
}

impl Shared {
    fn work(&self) {
        let job = swap(&self.job, None); // T1
        let outcome = job.map(|job| job());
        drop(swap(&self.outcome, outcome)); // T2
        swap(&self.waker, None).into_iter().for_each(Waker::wake);
    }
}

/// The old value leaves the lock before it is dropped.
fn swap<T>(place: &Mutex<Option<T>>, value: Option<T>) -> Option<T> {
    std::mem::replace(&mut *lock(place), value)
}
