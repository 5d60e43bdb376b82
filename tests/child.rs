//! Children: signals for one part of the program, and guards that request a shutdown.
#![cfg(target_os = "linux")]
#![allow(unsafe_code, reason = "real signals, and an allocator that counts")]

mod common;
#[path = "common/heap.rs"]
mod heap;

use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::task::{Wake, Waker};
use std::thread;
use std::time::Duration;

use common::bounded::bounded;
use common::contract::{Runtime, stuck};
use common::pending::{Count, once_pending, poll};
use common::system::raise;
use common::{Case, cases, linux, say};
use futures_lite::future;
use libc::SIGTERM;
use signoff::{Hooks, Reason, ShutdownSignal, Tokio};
use tokio::runtime::Builder;

fn reason(signal: &ShutdownSignal) -> String {
    signal.reason().map(|reason| reason.to_string()).unwrap_or_default()
}

#[test]
fn a_request_reaches_every_level_below() {
    let shutdown = ShutdownSignal::manual();
    let child = shutdown.child();
    let grandchild = child.clone().child();
    assert!(!grandchild.is_requested());
    assert!(shutdown.request("deploy"));
    for signal in [&grandchild, &child, &shutdown.child(), &grandchild.child()] {
        assert!(signal.is_requested());
        assert_eq!(reason(signal), "request: deploy");
        assert!(!signal.request("too late"));
    }
}

#[test]
fn a_request_stops_one_part_only() {
    let shutdown = ShutdownSignal::manual();
    let [part, other] = [shutdown.child(), shutdown.child()];
    let below = part.child();
    assert!(part.request("replaced"));
    assert_eq!(reason(&below), "request: replaced");
    assert!(!shutdown.is_requested() && !other.is_requested());
    assert!(shutdown.request("deploy"));
    assert_eq!(reason(&part), "request: replaced", "the first request wins");
    assert_eq!(reason(&below), "request: replaced");
    assert_eq!(reason(&other), "request: deploy");
}

#[test]
fn a_thousand_levels() {
    bounded(|| {
        let shutdown = ShutdownSignal::manual();
        let lowest = (0..1000).fold(shutdown.clone(), |parent, _| parent.child());
        let waiting = thread::spawn(move || lowest.wait());
        shutdown.request("deploy");
        assert_eq!(waiting.join().unwrap(), Reason::Request("deploy".into()));
    });
}

/// As `shutdown = shutdown.child()` in a loop: setting, asking, waking and dropping do not recurse.
#[test]
fn a_hundred_thousand_levels() {
    bounded(|| {
        for levels in [10_000, 100_000] {
            let chain = || {
                let shutdown = ShutdownSignal::manual();
                let lowest = (0..levels).fold(shutdown.clone(), |parent, _| parent.child());
                (shutdown, lowest)
            };
            let (_, never_set) = chain();
            assert!(!never_set.is_requested());
            drop(never_set);

            let (shutdown, lowest) = chain();
            shutdown.fail("broken");
            assert!(lowest.is_requested(), "without a waker");
            assert_eq!(reason(&lowest), "request: broken");
            drop((shutdown, lowest));

            let (shutdown, mut lowest) = chain();
            let (count, waker) = Count::new();
            assert!(poll(&mut lowest, &waker).is_pending());
            shutdown.request("deploy");
            assert_eq!(count.woken(), 1);
            drop(shutdown);
            drop(lowest);
        }
    });
}

/// The waiters of two trees are woken where each request returns, even if one is made by a waker of the
/// other.
#[test]
fn a_request_by_a_waker_of_another_tree() {
    struct Requests(ShutdownSignal, Arc<Count>);
    impl Wake for Requests {
        fn wake(self: Arc<Self>) {
            self.0.request("by a waker");
            assert_eq!(self.1.woken(), 1, "woken by now");
        }
    }
    let [first, second] = [ShutdownSignal::manual(), ShutdownSignal::manual()];
    let (count, waker) = Count::new();
    let mut below = second.child().child();
    assert!(poll(&mut below, &waker).is_pending());
    let requests = Waker::from(Arc::new(Requests(second, Arc::clone(&count))));
    let mut waiting = first.child();
    assert!(poll(&mut waiting, &requests).is_pending());
    first.request("deploy");
    assert_eq!(count.woken(), 1);
    assert_eq!(reason(&below), "request: by a waker");
}

/// So are the other children of the first tree.
#[test]
fn a_request_by_a_waker_keeps_no_other_child_asleep() {
    struct Requests(ShutdownSignal, AtomicUsize);
    impl Wake for Requests {
        fn wake(self: Arc<Self>) {
            self.0.request("by a waker");
            self.1.fetch_add(1, Ordering::SeqCst);
        }
    }
    let [first, second] = [ShutdownSignal::manual(), ShutdownSignal::manual()];
    let requests = Arc::new(Requests(second, AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&requests));
    let mut children = [first.child(), first.child(), first.child()];
    for child in &mut children {
        assert!(poll(child, &waker).is_pending());
    }
    first.request("deploy");
    assert_eq!(requests.1.load(Ordering::SeqCst), 3);
}

/// Asks a child when it is woken.
#[derive(Default)]
struct Ask {
    child: Mutex<Option<ShutdownSignal>>,
    said: Mutex<Vec<String>>,
}

impl Wake for Ask {
    fn wake(self: Arc<Self>) {
        let mut child = self.child.lock().unwrap();
        let child = child.as_mut().unwrap();
        let poll = poll(child, Waker::noop());
        let is_late = !child.request("too late");
        let below = reason(&child.child());
        self.said.lock().unwrap().push(format!("{poll:?} {is_late} {below}"));
    }
}

/// The waiter of the parent is woken before the child's, and after it.
#[test]
fn a_child_is_never_behind_its_parent() {
    for is_first in [true, false] {
        let shutdown = ShutdownSignal::manual();
        let ask = Arc::new(Ask::default());
        let waker = Waker::from(Arc::clone(&ask));
        let mut waiting = shutdown.clone();
        if is_first {
            assert!(poll(&mut waiting, &waker).is_pending());
        }
        let mut child = shutdown.child();
        assert!(poll(&mut child, Waker::noop()).is_pending());
        *ask.child.lock().unwrap() = Some(child);
        if !is_first {
            assert!(poll(&mut waiting, &waker).is_pending());
        }
        shutdown.request("deploy");
        assert_eq!(*ask.said.lock().unwrap(), ["Ready(()) true request: deploy"]);
    }
}

#[test]
fn a_waiting_child_is_woken_once() {
    let shutdown = ShutdownSignal::manual();
    let [mut first, mut second] = [shutdown.child(), shutdown.child().child()];
    let (count, waker) = Count::new();
    assert!(poll(&mut first, &waker).is_pending());
    assert!(poll(&mut second, &waker).is_pending());
    drop(second);
    assert_eq!(count.kept(), 1, "a child that is dropped leaves no waker");
    shutdown.request("deploy");
    first.request("again");
    assert_eq!((count.woken(), count.kept()), (1, 0));
}

#[test]
fn one_of_many_requests_wins() {
    bounded(|| {
        for _ in 0..200 {
            let shutdown = ShutdownSignal::manual();
            let child = shutdown.child();
            let ready = Barrier::new(3);
            thread::scope(|scope| {
                let waiting = scope.spawn(|| {
                    ready.wait();
                    future::block_on(child.clone());
                    reason(&child)
                });
                let own = scope.spawn(|| {
                    ready.wait();
                    child.request("own")
                });
                ready.wait();
                shutdown.request("deploy");
                let expected = if own.join().unwrap() { "request: own" } else { "request: deploy" };
                assert_eq!(waiting.join().unwrap(), expected);
                assert_eq!(reason(&child), expected);
            });
        }
    });
}

/// The failure of one part is not the failure of the program, but the other way round it is.
#[test]
fn fail_stays_below() {
    let is_failure = |shutdown: &ShutdownSignal| {
        future::block_on(Hooks::new().run_on(shutdown.clone())).is_failure()
    };
    let shutdown = ShutdownSignal::manual();
    let [part, other] = [shutdown.child(), shutdown.child()];
    assert!(part.fail("a broken pipe"));
    assert!(is_failure(&part) && is_failure(&part.child()));
    shutdown.request("deploy");
    assert!(!is_failure(&shutdown) && !is_failure(&other));
    shutdown.fail("a broken disk");
    assert!(is_failure(&shutdown) && is_failure(&other));
}

#[test]
fn the_time_is_the_one_of_the_parent() {
    const PAUSE: Duration = Duration::from_millis(50);
    let shutdown = ShutdownSignal::manual();
    shutdown.request("deploy");
    thread::sleep(PAUSE);
    let report = future::block_on(Hooks::new().run_on(shutdown.child()));
    assert!(report.took() >= PAUSE, "{report}");
}

#[test]
fn a_channel_is_disconnected_with_the_parent() {
    bounded(|| {
        let shutdown = ShutdownSignal::manual();
        let channel = shutdown.child().channel();
        assert!(channel.try_recv().is_err_and(|error| error.is_empty()));
        shutdown.request("deploy");
        assert!(channel.recv().is_err());
    });
}

#[test]
fn a_guard_requests_the_shutdown() {
    let shutdown = ShutdownSignal::manual();
    drop(shutdown.request_on_drop("consumer"));
    assert_eq!(reason(&shutdown), "request: consumer ended");
    let report = future::block_on(Hooks::new().run_on(shutdown));
    assert!(!report.is_failure());
}

#[test]
fn a_guard_says_that_its_task_panicked() {
    let shutdown = ShutdownSignal::manual();
    let guard = shutdown.request_on_drop("consumer");
    let panic = panic::catch_unwind(AssertUnwindSafe(|| {
        let _guard = guard;
        panic::resume_unwind(Box::new("no message on standard error"));
    }));
    assert!(panic.is_err());
    assert_eq!(reason(&shutdown), "request: consumer panicked");
    let report = future::block_on(Hooks::new().run_on(shutdown));
    assert!(report.is_failure());
}

#[test]
fn a_disarmed_guard_does_nothing() {
    let shutdown = ShutdownSignal::manual();
    shutdown.request_on_drop("consumer").disarm();
    assert!(!shutdown.is_requested());
}

#[test]
fn a_guard_in_a_task_that_is_cancelled() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let shutdown = ShutdownSignal::manual();
    let guard = shutdown.request_on_drop("consumer");
    let task = runtime.spawn(async move {
        let _guard = guard;
        future::pending::<()>().await;
    });
    task.abort();
    runtime.block_on(shutdown.clone());
    assert_eq!(reason(&shutdown), "request: consumer ended");
}

/// The harness has allocations of its own.
fn assert_heap(before: usize) {
    assert!(heap::in_use().abs_diff(before) < 10_000, "{before} bytes, now {}", heap::in_use());
}

cases! {
    a_dropped_child_leaves_nothing_behind: |case| case.passes(), || {
        let shutdown = ShutdownSignal::manual();
        drop(shutdown.child());
        let before = heap::in_use();
        for _ in 0..1000 {
            let mut child = shutdown.child();
            assert!(poll(&mut child, Waker::noop()).is_pending());
            let grandchild = child.child();
            drop(child);
            drop(grandchild);
        }
        assert_heap(before);
    };
    a_child_of_a_requested_parent_leaves_nothing_behind: |case| case.passes(), || {
        let before = heap::in_use();
        for _ in 0..1000 {
            let shutdown = ShutdownSignal::manual();
            let mut child = shutdown.child();
            let mut grandchild = child.child();
            assert!(poll(&mut child, Waker::noop()).is_pending());
            assert!(poll(&mut grandchild, Waker::noop()).is_pending());
            shutdown.request("deploy");
            drop(shutdown.child());
        }
        assert_heap(before);
    };
    a_child_is_small: |case| case.passes(), || {
        let shutdown = ShutdownSignal::manual();
        let (mut children, before) = (Vec::with_capacity(1024), heap::in_use());
        children.extend((0..1024).map(|_| shutdown.child()));
        let bytes = (heap::in_use() - before) / 1024;
        assert!(bytes <= 320, "{bytes} bytes");
    };

    // The runtime that would wake the thread is blocked.
    a_thread_that_waits_on_a_child_needs_no_runtime: |case: &Case| {
        let child = case.ready();
        child.kill(SIGTERM);
        child.expect("SIGTERM");
        child.passes();
    }, || {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let child = ShutdownSignal::listen(Tokio).unwrap().child().child();
            let waiting = thread::spawn(move || child.wait());
            say("ready");
            let reason = waiting.join().unwrap().to_string(); // blocks the runtime
            say(reason.split(' ').next().unwrap());
        });
    };
    a_child_keeps_the_program_listening: |case| case.passes(), || {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let child = ShutdownSignal::listen(Tokio).unwrap().child();
            once_pending(&child, || raise(SIGTERM)).await;
        });
    };
    a_signal_and_a_hundred_thousand_levels: |case: &Case| case.passes(), || {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut shutdown = ShutdownSignal::listen(Tokio).unwrap();
            for _ in 0..100_000 {
                shutdown = shutdown.child();
            }
            once_pending(&shutdown, || raise(SIGTERM)).await;
        });
    };
    // The runtime is blocked by the wait.
    a_wait_without_threads: |case: &Case| {
        let child = case.start();
        for signal in [None, Some(SIGTERM)] {
            child.expect("ready");
            if let Some(signal) = signal {
                child.kill(signal);
            }
            child.expect("woken");
        }
        child.passes();
    }, || {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let shutdown = ShutdownSignal::listen(Tokio).unwrap();
            linux::without_threads(|| {
                let part = shutdown.child();
                say("ready");
                assert_eq!(part.wait_timeout(Duration::from_millis(5)), None);
                part.request("replaced");
                part.wait();
                say("woken");
                let part = shutdown.child().child();
                say("ready");
                part.wait();
                say("woken");
            });
        });
    };
    the_last_child_restores_the_previous_behavior: |case: &Case| {
        let child = case.ready();
        child.kill(SIGTERM);
        child.dies_by(SIGTERM);
    }, || {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut child = ShutdownSignal::listen(Tokio).unwrap().child();
            assert!(future::poll_once(&mut child).await.is_none());
            drop(child);
            say("ready");
            stuck();
        });
    };
}

/// A waiter of the parent that requests the child, which no waker has set yet.
#[derive(Default)]
struct Late(Mutex<Option<ShutdownSignal>>);

impl Wake for Late {
    fn wake(self: Arc<Self>) {
        let child = self.0.lock().unwrap();
        assert!(!child.as_ref().unwrap().request("too late"));
    }
}

#[test]
fn a_request_after_the_one_of_the_parent_is_too_late() {
    let shutdown = ShutdownSignal::manual();
    let late = Arc::new(Late::default());
    let mut waiting = shutdown.clone();
    assert!(poll(&mut waiting, &Waker::from(Arc::clone(&late))).is_pending());
    let child = shutdown.child();
    *late.0.lock().unwrap() = Some(child.clone());
    shutdown.request("deploy");
    assert_eq!(reason(&child), "request: deploy");
}

/// Tasks that wait on children are woken by a signal, on every backend.
fn tasks<R: Runtime>() {
    R::block_on(async {
        let shutdown = R::listen();
        let (done, all_done) = mpsc::channel();
        for level in 0..10 {
            let child = (0..level).fold(shutdown.clone(), |parent, _| parent.child());
            let done = done.clone();
            R::spawn(async move {
                once_pending(&child, || done.send(String::new()).unwrap()).await;
                done.send(reason(&child)).unwrap();
            });
        }
        let last = shutdown.child();
        once_pending(&last, || raise(SIGTERM)).await;
        let mut said = 0;
        while said < 10 {
            // A runtime with one thread has to run its tasks meanwhile.
            future::yield_now().await;
            said += all_done.try_iter().filter(|line| line.starts_with("SIGTERM")).count();
        }
    });
}

macro_rules! on_every_backend {
    ($($runtime:ident)*) => { $(
        #[allow(non_snake_case, reason = "the name of the runtime")]
        mod $runtime {
            use super::*;

            cases! { tasks: |case| case.passes(), super::super::tasks::<common::runtimes::$runtime>; }
        }
    )* };
}

on_every_backend! { CurrentThread MultiThread Smol AsyncStd Plain }
