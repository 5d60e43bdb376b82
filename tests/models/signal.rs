//! Loom models: every interleaving of a few threads.
//!
//! `RUSTFLAGS="--cfg loom" cargo test --release --lib`

use std::future::{Future, poll_fn};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use loom::model::Builder;
use loom::thread;

use crate::signal::Signal;
use crate::signal::latch::Latch;
use crate::signal::reason::{Process, Reason};

use crate::signal::waiters::Waiter;
use crate::signal::{ShutdownSignal, Wait};
use crate::util::block_on::block_on;
use crate::util::sync::{AtomicU8, Mutex, lock};

#[path = "../../src/listen/backend/reactor_task.rs"]
mod reactor_task;

use reactor_task::{ReactorTask, WakeAll};

/// All interleavings with up to three preemptions, which is where bugs of this kind live.
fn model(f: impl Fn() + Send + Sync + 'static) {
    check(3, f);
}

/// With three threads, the third preemption would take minutes.
fn model_of_three(f: impl Fn() + Send + Sync + 'static) {
    check(2, f);
}

pub(crate) fn check(preemptions: usize, f: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(preemptions);
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
    model_of_three(|| {
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
    model_of_three(|| {
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
        let request_won = latch.set_by_request(Reason::Request("why".into()));
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
    model_of_three(|| {
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
    parent.register(Waker::from(Arc::clone(&child)));
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
        let request_won = child.set_by_request(Reason::Request("why".into()));
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

#[test]
fn the_lowest_of_three_levels_has_the_cause_of_the_one_between() {
    model(|| {
        let parent = Arc::new(Latch::default());
        let between = child_of(&parent);
        let lowest = child_of(&between);
        let setting = thread::spawn({
            let parent = Arc::clone(&parent);
            move || signal(&parent)
        });
        let request_won = between.set_by_request(Reason::Request("why".into()));
        let reason = lowest.reason();
        between.wake_all();
        setting.join().unwrap();
        let expected = if request_won { Reason::Request("why".into()) } else { by_signal() };
        assert_eq!(reason, Some(expected.clone()));
        assert_eq!(between.reason(), Some(expected));
    });
}

#[test]
fn two_threads_that_ask_the_lowest_level_get_the_same_cause() {
    model(|| {
        let parent = Arc::new(Latch::default());
        let lowest = child_of(&child_of(&parent));
        parent.set_by_signal(15, Some(Process { pid: 7, uid: 8 }), Duration::ZERO); // nobody is woken
        let asking = thread::spawn({
            let lowest = Arc::clone(&lowest);
            move || lowest.reason()
        });
        assert_eq!(lowest.reason(), Some(by_signal()));
        assert_eq!(asking.join().unwrap(), Some(by_signal()));
    });
}

#[test]
fn a_detached_waker_is_woken_once() {
    model(|| {
        let latch = Arc::new(Latch::default());
        let count = Arc::new(Count::default());
        let signal = thread::spawn({
            let latch = Arc::clone(&latch);
            move || signal(&latch)
        });
        latch.register_detached(Waker::from(Arc::clone(&count)));
        signal.join().unwrap();
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
    });
}

/// A reactor with one descriptor, which becomes readable once.
#[derive(Default)]
struct Reactor {
    is_readable: AtomicU8,
    waker: Mutex<Option<Waker>>,
}

impl Reactor {
    fn readable(this: &Arc<Self>) -> impl Future<Output = io::Result<()>> + Send + 'static {
        let this = Arc::clone(this);
        poll_fn(move |cx| {
            *lock(&this.waker) = Some(cx.waker().clone());
            match this.is_readable.load(Ordering::Acquire) {
                0 => Poll::Pending,
                _ => Poll::Ready(Ok(())),
            }
        })
    }

    fn wake(&self) {
        let waker = lock(&self.waker).take();
        waker.into_iter().for_each(Waker::wake);
    }

    fn become_readable(&self) {
        self.is_readable.store(1, Ordering::Release);
        self.wake();
    }
}

/// Counts the calls of `wake_all` that come after the signal.
#[derive(Default)]
struct Listener {
    is_set: AtomicU8,
    woken: AtomicUsize,
}

impl WakeAll for Listener {
    fn wake_all(&self) -> bool {
        let is_set = self.is_set.load(Ordering::Acquire) == 1;
        self.woken.fetch_add(usize::from(is_set), Ordering::Relaxed);
        is_set
    }

    fn repeats(&self) -> bool {
        false
    }
}

/// As the notifier of a backend.
struct Notifier(Arc<Listener>);

impl Drop for Notifier {
    fn drop(&mut self) {
        self.0.wake_all();
    }
}

#[test]
fn a_wake_up_during_a_poll_is_not_lost() {
    model(|| {
        let (reactor, listener) = (Arc::<Reactor>::default(), Arc::<Listener>::default());
        let signal = thread::spawn({
            let (reactor, listener) = (Arc::clone(&reactor), Arc::clone(&listener));
            move || {
                listener.is_set.store(1, Ordering::Release);
                reactor.become_readable();
            }
        });
        let notifier = Notifier(Arc::clone(&listener));
        let task = ReactorTask::start(Arc::clone(&listener), Reactor::readable(&reactor), notifier);
        reactor.wake(); // for no reason
        signal.join().unwrap();
        assert!(listener.woken.load(Ordering::Relaxed) > 0);
        task.stop();
    });
}

#[test]
fn the_end_of_the_runtime_drops_the_notifier_once() {
    /// A notifier that counts.
    struct Dropped(Arc<Count>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    model(|| {
        let (reactor, count) = (Arc::<Reactor>::default(), Arc::<Count>::default());
        let notifier = Dropped(Arc::clone(&count));
        let ends = thread::spawn({
            let reactor = Arc::clone(&reactor);
            move || reactor.become_readable()
        });
        let task =
            ReactorTask::start(Arc::<Listener>::default(), Reactor::readable(&reactor), notifier);
        ends.join().unwrap();
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        task.stop();
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
    });
}
