//! Loom models: every interleaving of a few threads.
//!
//! `RUSTFLAGS="--cfg loom" cargo test --release --lib`

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use loom::model::Builder;
use loom::thread;

use crate::block_on::block_on;
use crate::latch::Latch;
use crate::reason::{Process, Reason};
use crate::shutdown_signal::{ShutdownSignal, Wait};
use crate::signal::Signal;
use crate::waiter::Waiter;

/// All interleavings with up to three preemptions, which is where bugs of this kind live.
fn model(f: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(f);
}

/// What the handler and then the backend do.
fn signal(latch: &Latch) {
    latch.set_by_signal(15, Some(Process { pid: 7, uid: 8 }), Duration::ZERO);
    latch.wake_all();
}

fn by_signal() -> Reason {
    Reason::Signal { signal: Signal::Terminate, sender: Some(Process { pid: 7, uid: 8 }) }
}

/// A thread that waits, and tells the reason. (It is never the one that joins: to loom an unpark
/// looks like the end of a join.)
fn waits(latch: &Arc<Latch>) -> thread::JoinHandle<Option<Reason>> {
    let latch = Arc::clone(latch);
    thread::spawn(move || {
        block_on(Wait::on(&latch), None);
        latch.reason()
    })
}

/// Counts how often it is woken.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn poll(latch: &Latch, waiter: &mut Waiter, waker: &Waker) -> Poll<()> {
    latch.poll(waiter, &mut Context::from_waker(waker))
}

#[test]
fn a_waiter_during_the_signal_is_woken() {
    model(|| {
        let latch = Arc::new(Latch::default());
        let waiting = waits(&latch);
        signal(&latch);
        assert_eq!(waiting.join().unwrap(), Some(by_signal()));
    });
}

#[test]
fn two_who_wait_are_both_woken() {
    model(|| {
        let latch = Arc::new(Latch::default());
        let waiting = [waits(&latch), waits(&latch)];
        signal(&latch);
        for waiting in waiting {
            waiting.join().unwrap();
        }
    });
}

#[test]
fn a_waiter_that_is_dropped_takes_nobody_with_it() {
    model(|| {
        let latch = Arc::new(Latch::default());
        let dropped = thread::spawn({
            let latch = Arc::clone(&latch);
            move || {
                let mut waiter = Waiter::default();
                let _ = poll(&latch, &mut waiter, Waker::noop());
                latch.deregister(&mut waiter);
            }
        });
        let waiting = waits(&latch);
        signal(&latch);
        dropped.join().unwrap();
        waiting.join().unwrap();
    });
}

#[test]
fn a_waiter_that_moves_to_another_waker_is_woken_there() {
    model(|| {
        let latch = Arc::new(Latch::default());
        let moved = thread::spawn({
            let latch = Arc::clone(&latch);
            move || {
                let mut waiter = Waiter::default();
                let _ = poll(&latch, &mut waiter, Waker::noop());
                block_on(poll_fn(|cx| latch.poll(&mut waiter, cx)), None);
                latch.deregister(&mut waiter);
            }
        });
        signal(&latch);
        moved.join().unwrap();
    });
}

#[test]
fn a_signal_and_a_request_at_once_have_one_winner() {
    model(|| {
        let latch = Arc::new(Latch::default());
        let trigger = thread::spawn({
            let latch = Arc::clone(&latch);
            move || signal(&latch)
        });
        let request_won = latch.set_by_request("why".into());
        assert!(latch.is_set(), "a request that returned has set the latch, even if it lost");
        latch.wake_all();
        let expected = if request_won { Reason::Request("why".into()) } else { by_signal() };
        assert_eq!(latch.reason(), Some(expected));
        trigger.join().unwrap();
    });
}

#[test]
fn a_set_latch_has_a_reason() {
    model(|| {
        let latch = Arc::new(Latch::default());
        let trigger = thread::spawn({
            let latch = Arc::clone(&latch);
            move || signal(&latch)
        });
        if latch.is_set() {
            assert_eq!(latch.reason(), Some(by_signal()));
        }
        trigger.join().unwrap();
    });
}

#[test]
fn nobody_is_woken_twice_or_for_nothing() {
    model(|| {
        let latch = Arc::new(Latch::default());
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        let mut waiter = Waiter::default();
        assert!(poll(&latch, &mut waiter, &waker).is_pending());
        let second = thread::spawn({
            let latch = Arc::clone(&latch);
            move || signal(&latch)
        });
        signal(&latch);
        second.join().unwrap();
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn a_thread_and_a_task_wait_for_one_request() {
    model(|| {
        let shutdown = ShutdownSignal::manual();
        let thread = thread::spawn({
            let shutdown = shutdown.clone();
            move || shutdown.wait()
        });
        let task = thread::spawn({
            let shutdown = shutdown.clone();
            move || block_on(shutdown, None)
        });
        assert!(shutdown.request("why"));
        assert_eq!(thread.join().unwrap(), Reason::Request("why".into()));
        task.join().unwrap();
    });
}

/// A child whose waker is registered with its parent.
fn child_of(parent: &Arc<Latch>) -> Arc<Latch> {
    let child = Arc::new(Latch::child_of(Arc::clone(parent)));
    let _ = parent.register_child(&child);
    child
}

#[test]
fn a_child_is_woken_with_its_parent() {
    model(|| {
        let parent = Arc::new(Latch::default());
        let setting = thread::spawn({
            let parent = Arc::clone(&parent);
            move || signal(&parent)
        });
        let waiting = waits(&child_of(&parent));
        setting.join().unwrap();
        assert_eq!(waiting.join().unwrap(), Some(by_signal()));
    });
}

#[test]
fn a_request_of_a_child_and_a_signal_of_its_parent_have_one_winner() {
    model(|| {
        let parent = Arc::new(Latch::default());
        let child = child_of(&parent);
        let count = Arc::new(Count::default());
        let mut waiter = Waiter::default();
        let waits = poll(&child, &mut waiter, &Waker::from(Arc::clone(&count))).is_pending();
        let setting = thread::spawn({
            let parent = Arc::clone(&parent);
            move || signal(&parent)
        });
        let request_won = child.set_by_request("why".into());
        child.wake_all();
        let expected = if request_won { Reason::Request("why".into()) } else { by_signal() };
        assert_eq!(child.reason(), Some(expected));
        setting.join().unwrap();
        assert_eq!(count.0.load(Ordering::Relaxed), usize::from(waits));
    });
}

#[test]
fn a_child_is_never_behind_its_parent() {
    model(|| {
        let parent = Arc::new(Latch::default());
        let child = child_of(&parent);
        let setting = thread::spawn({
            let parent = Arc::clone(&parent);
            move || signal(&parent)
        });
        if parent.is_set() {
            assert_eq!(child.reason(), Some(by_signal()));
        }
        setting.join().unwrap();
        assert_eq!(child.reason(), Some(by_signal()));
    });
}
