//! Waiters and work that come and go do not cost more and more memory.
#![cfg(not(all(windows, target_env = "gnu")))] // thread locals allocate there
#![allow(unsafe_code, reason = "an allocator that counts")]

#[path = "common/pending.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod pending;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::task::Waker;

use pending::poll;
use signoff::{InFlight, ShutdownSignal};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

struct Counting;

thread_local! {
    /// The bytes that this thread has allocated, less those that it has freed.
    static BYTES: Cell<usize> = const { Cell::new(0) };
    /// How many times this thread has allocated.
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: the system's allocator does all of it. The counter does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        let _ = ALLOCATIONS.try_with(|all| all.set(all.get() + 1));
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(layout.size().wrapping_neg());
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

fn count(bytes: usize) {
    let _ = BYTES.try_with(|all| all.set(all.get().wrapping_add(bytes)));
}

/// The bytes that `f` leaves allocated.
fn growth(f: impl FnOnce()) -> usize {
    let before = BYTES.get();
    f();
    BYTES.get().wrapping_sub(before)
}

#[test]
fn slots_are_reused() {
    let shutdown = ShutdownSignal::manual();
    let mut waiting = Vec::with_capacity(8);
    let mut wait_and_leave = |waiters: usize| {
        for _ in 0..waiters {
            let mut clone = shutdown.clone();
            assert!(poll(&mut clone, Waker::noop()).is_pending());
            waiting.push(clone);
            if waiting.len() == 8 {
                drop(waiting.swap_remove(3));
            }
        }
    };
    wait_and_leave(100);
    assert_eq!(growth(|| wait_and_leave(100_000)), 0);
}

#[test]
fn nothing_is_left_of_a_signal() {
    let use_one = || {
        let shutdown = ShutdownSignal::manual();
        let mut clones = [(); 100].map(|()| shutdown.clone());
        for clone in &mut clones {
            assert!(poll(clone, Waker::noop()).is_pending());
        }
        shutdown.request("enough");
    };
    use_one();
    assert_eq!(growth(use_one), 0);
}

#[test]
fn every_slot_of_a_burst_is_reused() {
    let (shutdown, parent) = (ShutdownSignal::manual(), ShutdownSignal::manual());
    let child = parent.child();
    let mut waiting = Vec::with_capacity(1000);
    let mut burst = || {
        for signal in [&shutdown, &parent, &child] {
            for _ in 0..1000 {
                let mut clone = signal.clone();
                assert!(poll(&mut clone, Waker::noop()).is_pending());
                waiting.push(clone);
            }
            waiting.clear();
        }
    };
    burst();
    assert_eq!(growth(|| (0..10).for_each(|_| burst())), 0);
}

#[test]
fn work_with_a_literal_name_allocates_nothing() {
    let work = InFlight::new();
    let enter_and_leave = || {
        let guard = work.enter("GET /");
        drop((guard.clone(), work.enter("GET /report"), guard));
    };
    enter_and_leave();
    let before = ALLOCATIONS.get();
    (0..100_000).for_each(|_| enter_and_leave());
    assert_eq!(ALLOCATIONS.get() - before, 0);
}
