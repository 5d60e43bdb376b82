//! Loom models: how hooks, and the threads that run them, wake the driver.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use loom::model::Builder;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use super::builder::Hooks;
use super::progress::Progress;
use super::ready_queue::{HookWaker, ReadyQueue};
use super::report::Outcome;
use super::request::Request;
use crate::block_on::block_on;

/// All interleavings with up to two preemptions.
fn model(f: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(2);
    builder.check(f);
}

/// A driver that looks again whenever it is woken, until it is done. (It is never the thread that
/// joins: to loom an unpark looks like the end of a join.)
fn drive(
    mut is_done: impl FnMut(&ReadyQueue) -> bool + 'static,
    queue: &Arc<ReadyQueue>,
) -> thread::JoinHandle<()> {
    let queue = Arc::clone(queue);
    thread::spawn(move || {
        let driver = poll_fn(|cx| {
            queue.set_driver(cx.waker().clone());
            if is_done(&queue) { Poll::Ready(()) } else { Poll::Pending }
        });
        block_on(driver, None);
    })
}

/// Two wakes while the hook may be polled: the hook sees what was written before each of them.
#[test]
fn no_wake_is_lost_while_a_hook_is_polled() {
    model(|| {
        let (queue, writes) = (Arc::<ReadyQueue>::default(), Arc::new(AtomicUsize::new(0)));
        let hook = HookWaker::new(0, &queue);
        let (waker, writer) = (hook.arm(), Arc::clone(&writes));
        let other = thread::spawn(move || {
            for _ in 0..2 {
                writer.fetch_add(1, Ordering::Relaxed);
                waker.wake_by_ref();
            }
        });
        let driver = drive(
            move |queue| {
                while queue.pop().is_some() {
                    let _waker = hook.arm();
                    if writes.load(Ordering::Relaxed) == 2 {
                        return true;
                    }
                }
                false
            },
            &queue,
        );
        other.join().unwrap();
        driver.join().unwrap();
    });
}

/// Two threads finish the two hooks of a stage; the driver finds the stage over.
#[test]
fn the_last_hook_wakes_the_driver() {
    model(|| {
        let hooks = Hooks::new().hook("one", async || {}).hook("two", async || {});
        let progress = Progress::new(&hooks, Request::now());
        progress.open_stage(2, None);
        let queue = Arc::<ReadyQueue>::default();
        let workers = [0, 1].map(|number| {
            let (progress, queue) = (Arc::clone(&progress), Arc::clone(&queue));
            thread::spawn(move || {
                assert!(progress.start(number, Instant::now(), None, None).is_some());
                progress.finish(number, Outcome::Done);
                if progress.is_stage_over() {
                    queue.wake_driver();
                }
            })
        });
        let watched = Arc::clone(&progress);
        let driver = drive(move |_| watched.is_stage_over(), &queue);
        workers.into_iter().for_each(|worker| worker.join().unwrap());
        driver.join().unwrap();
        assert!(progress.close().report.is_clean());
    });
}
