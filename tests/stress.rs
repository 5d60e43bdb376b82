//! A storm of signals while a crowd of waiters comes and goes.
//!
//! `SIGNOFF_STRESS=1000` is the number of rounds, ten times as many as otherwise.
#![cfg(target_os = "linux")]
#![allow(unsafe_code, reason = "real signals, and an allocator that counts")]

mod common;
#[path = "common/heap.rs"]
mod heap;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::task::Waker;
use std::{env, mem, thread};

use common::contract::api::settles;
use common::pending::{Count, poll};
use common::{cases, system};
use libc::{SIGINT, SIGTERM};
use signoff::{Blocking, ForcedExit, ShutdownSignal, Signals};

/// In a run that asks for no other number.
const ROUNDS: usize = 100;
/// In each round.
const SIGNALS: usize = 1000;
const THREADS: usize = 4;
/// At any time, on all threads together.
const WAITERS: usize = 1000;

cases! {
    all_end_and_none_is_woken_for_nothing: |case| case.passes(), || {
        let threads = system::threads();
        let half = rounds() / 2;
        // Half of the rounds come first: buffers of the process have their size by then.
        (0..half).for_each(|_| round());
        settles("threads", threads, system::threads);
        let before = heap::in_use();
        (0..half).for_each(|_| round());
        settles("threads", threads, system::threads);
        let growth = heap::in_use().saturating_sub(before);
        assert!(growth < 16 * 1024, "{growth} bytes more after {} signals", SIGNALS * half);
    };

    // A handler that has found a listener may use it, even if it is dropped meanwhile. Only AddressSanitizer
    // would see that it is gone.
    listeners_come_and_go: |case| case.passes(), || {
        let signals = || Signals::default().forced_exit(ForcedExit::Never);
        let stays = signals().listen(Blocking).expect("nothing is in the way");
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !over.load(Ordering::SeqCst) {
                        drop(signals().listen(Blocking).expect("nothing is in the way"));
                    }
                });
            }
            (0..rounds().div_ceil(10)).for_each(|_| storm());
            over.store(true, Ordering::SeqCst);
        });
        assert!(stays.is_requested());
    };
}

fn rounds() -> usize {
    env::var("SIGNOFF_STRESS").map_or(ROUNDS, |rounds| rounds.parse().expect("a number"))
}

/// They wait, come and go; then the storm begins, and goes on while they end.
fn round() {
    let signals = Signals::default().forced_exit(ForcedExit::Never);
    let shutdown = signals.listen(Blocking).expect("nothing is in the way");
    let here = Barrier::new(THREADS + 1);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let crowds: Vec<_> =
            (0..THREADS).map(|_| scope.spawn(|| Crowd::gather(&shutdown, &here, &over))).collect();
        here.wait();
        storm();
        over.store(true, Ordering::SeqCst);
        for crowd in crowds {
            crowd.join().expect("no panic").look();
        }
    });
}

/// To the whole process, so that any thread is interrupted anywhere; and to this one, so that none
/// is merged with another.
fn storm() {
    let process = std::process::id().try_into().expect("a pid");
    for signal in [SIGTERM, SIGINT].into_iter().cycle().take(SIGNALS / 2) {
        system::kill(process, signal);
        system::raise(signal);
    }
}

/// The waiters of one thread.
struct Crowd(Vec<Waiting>);

struct Waiting {
    signal: ShutdownSignal,
    count: Arc<Count>,
    waker: Waker,
    pending: bool,
}

impl Crowd {
    fn gather(shutdown: &ShutdownSignal, here: &Barrier, over: &AtomicBool) -> Self {
        let mut crowd: Vec<_> =
            (0..WAITERS / THREADS).map(|_| Waiting::begin(shutdown.clone())).collect();
        here.wait();
        let places = (0..crowd.len()).cycle();
        for place in places.take_while(|_| !over.load(Ordering::SeqCst)) {
            let came = Waiting::begin(shutdown.clone());
            mem::replace(&mut crowd[place], came).give_up();
        }
        Self(crowd)
    }

    fn look(self) {
        self.0.into_iter().for_each(Waiting::end);
    }
}

impl Waiting {
    fn begin(mut signal: ShutdownSignal) -> Self {
        let (count, waker) = Count::new();
        let pending = poll(&mut signal, &waker).is_pending();
        Self { signal, count, waker, pending }
    }

    /// Nobody was woken before there was a reason for it.
    fn give_up(self) {
        assert!(self.count.woken() <= usize::from(self.signal.is_requested()));
        drop(self.signal);
    }

    /// Who waits is woken, once. It may take a moment until the thread of the signal is there.
    fn end(mut self) {
        assert!(poll(&mut self.signal, &self.waker).is_ready());
        let expected = usize::from(self.pending);
        common::until("woken", || self.count.woken() >= expected);
        assert_eq!(self.count.woken(), expected);
    }
}
