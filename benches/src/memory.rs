//! Bytes for each waiting task: what `spawn` has to hold, and what the library allocates.

use std::alloc::{GlobalAlloc, Layout, System};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicIsize, Ordering};
use std::task::{Context, Waker};

use crate::stats::{short, table};

const WAITERS: usize = 100_000;

struct Counting;

static HEAP: AtomicIsize = AtomicIsize::new(0);

// SAFETY: all is done by the system's allocator; the counting does not touch the memory.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HEAP.fetch_add(layout.size() as isize, Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        HEAP.fetch_sub(layout.size() as isize, Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Polls `WAITERS` tasks once each, and prints what they take beside the memory of the tasks.
fn measure<F: Future>(name: &str, task: impl Fn() -> F) -> Vec<String> {
    let mut tasks: Vec<Pin<Box<F>>> = Vec::with_capacity(WAITERS);
    let size = size_of_val(&task());
    let before = HEAP.load(Ordering::Relaxed);
    for _ in 0..WAITERS {
        let mut task = Box::pin(task());
        let mut cx = Context::from_waker(Waker::noop());
        assert!(task.as_mut().poll(&mut cx).is_pending(), "nobody asked yet");
        tasks.push(task);
    }
    let heap = HEAP.load(Ordering::Relaxed) - before;
    let own = heap as f64 / WAITERS as f64 - size as f64;
    vec![name.into(), size.to_string(), short(own), format!("{:.0}", size as f64 + own)]
}

pub fn print() {
    let signal = signoff::ShutdownSignal::manual();
    let token = tokio_util::sync::CancellationToken::new();
    let manager = async_shutdown::ShutdownManager::<u8>::new();
    let event = std::sync::Arc::new(event_listener::Event::<()>::new());
    let (_sender, watch) = tokio::sync::watch::channel(false);
    let rows = [
        measure("**signoff**", || {
            let signal = signal.clone();
            async move { signal.await }
        }),
        measure("CancellationToken", || {
            let token = token.clone();
            async move { token.cancelled().await }
        }),
        measure("async-shutdown", || {
            let manager = manager.clone();
            async move { manager.wait_shutdown_triggered().await }
        }),
        measure("event-listener", || {
            let event = event.clone();
            async move { event.listen().await }
        }),
        measure("tokio::sync::watch", || {
            let mut watch = watch.clone();
            async move { watch.wait_for(|on| *on).await.is_ok() }
        }),
        measure("elegant-departure", || {
            let guard = elegant_departure::get_shutdown_guard();
            async move { guard.wait().await }
        }),
    ];
    let head = ["bytes for each waiting task", "handle + future", "heap", "total"];
    table("Memory", &head, &rows);
    print_children();
}

/// Bytes of heap for each child, and for each child with a waiting task.
fn print_children() {
    let signal = signoff::ShutdownSignal::manual();
    let token = tokio_util::sync::CancellationToken::new();
    let rows = [
        ["**signoff**".into(), short(each(|| signal.child())), {
            short(each(|| waiting(signal.child(), |child| async move { child.await })))
        }],
        ["CancellationToken".into(), short(each(|| token.child_token())), {
            short(each(|| {
                waiting(token.child_token(), |child| async move { child.cancelled().await })
            }))
        }],
    ];
    let head = ["bytes of heap for each child", "alone", "with a waiting task"];
    table("Memory of a child", &head, &rows.map(Vec::from));
}

pub fn each<T>(make: impl Fn() -> T) -> f64 {
    let mut all = Vec::with_capacity(WAITERS);
    let before = HEAP.load(Ordering::Relaxed);
    all.extend((0..WAITERS).map(|_| make()));
    let heap = HEAP.load(Ordering::Relaxed) - before;
    heap as f64 / WAITERS as f64
}

/// The task is part of the figure.
fn waiting<T, F: Future>(child: T, task: impl Fn(T) -> F) -> Pin<Box<F>> {
    let mut task = Box::pin(task(child));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(task.as_mut().poll(&mut cx).is_pending(), "no shutdown was requested");
    task
}
