//! Hooks that are added to a set and removed from it while its stage starts.
#![allow(dead_code, reason = "each test binary uses its own share")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use signoff::HookSet;

/// One hook, and what the set has promised of it.
pub(crate) struct Racer {
    promise: Promise,
    ran: Arc<AtomicUsize>,
}

#[derive(Debug, Clone, Copy)]
enum Promise {
    /// It was detached.
    Runs,
    /// Its handle was dropped, perhaps after the start.
    MayRun,
    /// It was handed back.
    NeverRuns,
}

/// Adds and removes hooks until one is handed back.
pub(crate) fn race(set: &HookSet) -> Vec<Racer> {
    let mut racers = Vec::new();
    loop {
        let ran = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&ran);
        let hook = async move || _ = counter.fetch_add(1, Ordering::SeqCst);
        let stays = racers.len() % 4 == 0;
        let promise = match set.hook("racer", hook) {
            Ok(handle) if stays => {
                handle.detach();
                Promise::Runs
            }
            Ok(handle) => {
                drop(handle);
                Promise::MayRun
            }
            Err(_) => Promise::NeverRuns,
        };
        racers.push(Racer { promise, ran });
        if matches!(promise, Promise::NeverRuns) {
            return racers;
        }
    }
}

/// Checks all promises after the stage has ended. Returns how often hooks ran.
pub(crate) fn check(racers: &[Racer]) -> usize {
    let times = racers.iter().enumerate().map(|(number, racer)| {
        let ran = racer.ran.load(Ordering::SeqCst);
        let holds = match racer.promise {
            Promise::Runs => ran == 1,
            Promise::MayRun => ran <= 1,
            Promise::NeverRuns => ran == 0,
        };
        assert!(holds, "hook {number} of {} ran {ran} times: {:?}", racers.len(), racer.promise);
        ran
    });
    times.sum()
}
