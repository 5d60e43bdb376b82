//! What can be asked of a signal that listens.

use std::thread;
use std::time::Duration;

use futures_lite::future;
use libc::{SIGINT, SIGTERM, SIGUSR1};
use signoff::{Reason, ShutdownSignal, Signal, Signals};

use super::Runtime;
use crate::common::pending::once_pending;
use crate::common::system::{self, raise};
use crate::common::{self, BOUND, Case, say};

pub(crate) fn test_sender(case: &Case) {
    let me = super::latched::me();
    for (signal, name) in [(SIGTERM, "SIGTERM"), (SIGINT, "SIGINT")] {
        let child = case.start();
        child.expect("started");
        child.expect("ready");
        child.kill(signal);
        child.expect(&format!("{name} from {me}"));
        child.passes();
    }
    // From outside of its namespace there is no pid that the child could know.
    if let Some(child) = case.start_as_first() {
        child.expect("ready");
        child.kill(SIGTERM);
        child.expect("SIGTERM");
        child.passes();
    }
}

pub(crate) fn sender<R: Runtime>() {
    say("started");
    R::block_on(async {
        let shutdown = R::listen();
        assert_eq!(shutdown.reason(), None);
        once_pending(&shutdown, || say("ready")).await;
        say(shutdown.wait());
        assert!(matches!(shutdown.reason(), Some(Reason::Signal { .. })));
    });
}

/// A request wakes tasks and threads alike.
pub(crate) fn request<R: Runtime>() {
    R::block_on(async {
        let shutdown = R::listen();
        let threads = [shutdown.clone(), shutdown.clone()];
        let threads = threads.map(|shutdown| thread::spawn(move || shutdown.wait()));
        let asking = shutdown.clone();
        once_pending(&shutdown, || assert!(asking.request("enough"))).await;
        for thread in threads {
            assert_eq!(thread.join().expect("no panic"), Reason::Request("enough".into()));
        }
        assert!(!shutdown.request("again"));
        raise(SIGTERM);
        assert_eq!(shutdown.wait().to_string(), "request: enough");
    });
}

pub(crate) fn test_wait(case: &Case) {
    let child = case.ready();
    child.kill(SIGTERM);
    for _ in 0..3 {
        child.expect("waited");
    }
    child.passes();
}

pub(crate) fn wait<R: Runtime>() {
    let shutdown = R::inside(R::listen);
    assert_eq!(shutdown.wait_timeout(Duration::ZERO), None);
    assert_eq!(shutdown.wait_timeout(Duration::from_millis(1)), None);
    let other = R::inside(|| R::listen_to(Signals::none().with(Signal::Other(SIGUSR1))));
    let waits: [fn(&ShutdownSignal) -> Reason; 3] = [
        ShutdownSignal::wait,
        |shutdown| shutdown.wait_timeout(Duration::MAX).expect("a timeout that never comes"),
        |shutdown| shutdown.wait_timeout(2 * BOUND).expect("not that late"),
    ];
    let waiting = waits.map(|wait| {
        let shutdown = shutdown.clone();
        thread::spawn(move || {
            assert!(matches!(wait(&shutdown), Reason::Signal { .. }));
            say("waited");
        })
    });
    // A signal that is none of theirs interrupts the system call, and no more.
    for _ in 0..100 {
        for thread in &waiting {
            system::interrupt(thread, SIGUSR1);
        }
        thread::yield_now();
    }
    other.wait();
    say("ready");
    for thread in waiting {
        thread.join().expect("no panic");
    }
    assert_eq!(shutdown.wait_timeout(Duration::ZERO), Some(shutdown.wait()), "latched");
}

pub(crate) fn test_until(case: &Case) {
    let child = case.ready();
    child.kill(SIGTERM);
    child.passes();
}

pub(crate) fn until<R: Runtime>() {
    R::block_on(async {
        let shutdown = R::listen();
        assert_eq!(shutdown.run_until_requested(async { 7 }).await, Some(7));
        let waits = shutdown.run_until_requested(future::pending::<()>());
        assert_eq!(once_pending(waits, || say("ready")).await, None);
        // Always ready, and yet the loop ends.
        assert_eq!(shutdown.run_until_requested(async { 7 }).await, None);
    });
}

/// Descriptors and threads go with the last clone.
pub(crate) fn nothing_left<R: Runtime>() {
    R::block_on(async {
        drop(R::listen()); // what a process needs once, such as a reactor
        let before = system::descriptors();
        for round in 0..100 {
            let shutdown = R::listen();
            let other = shutdown.clone();
            if round % 2 == 0 {
                raise(SIGTERM);
                shutdown.await;
            }
            drop(other);
        }
        settles("descriptors", before, system::descriptors);
    });
}

/// Waits for `count` to come down to `before`: a thread needs a moment to end.
pub(crate) fn settles(what: &str, before: usize, count: fn() -> usize) {
    common::until(&format!("{before} {what}"), || count() <= before);
}

/// The kernel vouches for no process: the value of `sigqueue` may be forged, a timer has no sender.
#[cfg(target_os = "linux")]
pub(crate) fn no_sender<R: Runtime>() {
    for send in [common::linux::queue, common::linux::signal_by_timer] {
        R::block_on(async {
            let shutdown = R::listen();
            once_pending(&shutdown, || send(SIGTERM)).await;
            assert_eq!(shutdown.wait().to_string(), "SIGTERM");
        });
    }
}
