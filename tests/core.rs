//! The core, which needs no feature: signals that only the program itself sets off.
#![allow(unsafe_code, reason = "a waker that looks over the shoulder of the one who polls")]

#[path = "common/bounded.rs"]
mod bounded;
#[path = "common/pending.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod pending;

use std::collections::HashSet;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use bounded::{BOUND, bounded};
use futures_lite::future;
use pending::once_pending;
use signoff::{ForcedExit, Process, Reason, ShutdownSignal, Signal, Signals};

#[test]
fn the_first_request_wins() {
    bounded(|| {
        let shutdown = ShutdownSignal::manual();
        assert!(!shutdown.is_requested());
        assert_eq!(shutdown.reason(), None);
        assert!(shutdown.request("first"));
        assert!(!shutdown.clone().request("second"));
        assert!(shutdown.is_requested());
        assert_eq!(shutdown.reason(), Some(Reason::Request("first".into())));
        assert_eq!(shutdown.wait().to_string(), "request: first");
    });
}

#[test]
fn one_of_many_requests_wins() {
    bounded(|| {
        for _ in 0..100 {
            let shutdown = ShutdownSignal::manual();
            let ready = Barrier::new(4);
            let winners = thread::scope(|scope| {
                let ask = |name: &'static str| {
                    let (shutdown, ready) = (&shutdown, &ready);
                    scope.spawn(move || {
                        ready.wait();
                        let won = shutdown.request(name);
                        assert!(shutdown.is_requested(), "also where another one won");
                        won.then_some(name)
                    })
                };
                let threads = ["a", "b", "c", "d"].map(ask);
                threads.map(|thread| thread.join().expect("no panic"))
            });
            let winners: Vec<_> = winners.into_iter().flatten().collect();
            let [winner] = *winners else { panic!("one wins: {winners:?}") };
            assert_eq!(shutdown.wait().to_string(), format!("request: {winner}"));
        }
    });
}

#[test]
fn every_clone_resolves_and_stays_so() {
    bounded(|| {
        future::block_on(async {
            let mut shutdown = ShutdownSignal::manual();
            let before = shutdown.clone();
            assert!(future::poll_once(&mut shutdown).await.is_none());
            shutdown.request("enough");
            (&mut shutdown).await;
            (&mut shutdown).await;
            before.await;
            (&shutdown).await;
            shutdown.clone().await;
            shutdown.await;
        });
    });
}

#[test]
fn the_reason_can_be_awaited() {
    bounded(|| {
        let shutdown = ShutdownSignal::manual();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| future::block_on(shutdown.requested()));
            shutdown.request("enough");
            assert_eq!(waiting.join().expect("no panic").to_string(), "request: enough");
        });
    });
}

#[test]
#[allow(clippy::mutable_key_type, reason = "equality and hash are those of the address")]
fn clones_are_equal() {
    let [shutdown, other] = [ShutdownSignal::manual(), ShutdownSignal::manual()];
    assert_eq!(shutdown, shutdown.clone());
    assert_ne!(shutdown, other);
    let child = shutdown.child();
    assert_ne!(shutdown, child);
    let set = HashSet::from([shutdown.clone(), shutdown, child.clone(), child, other]);
    assert_eq!(set.len(), 3);
}

#[test]
fn threads_wait() {
    bounded(|| {
        let shutdown = ShutdownSignal::manual();
        assert_eq!(shutdown.wait_timeout(Duration::ZERO), None);
        assert_eq!(shutdown.wait_timeout(Duration::from_millis(1)), None);
        let waits: [fn(&ShutdownSignal) -> Reason; 3] = [
            ShutdownSignal::wait,
            |shutdown| shutdown.wait_timeout(Duration::MAX).expect("a timeout that never comes"),
            |shutdown| shutdown.wait_timeout(2 * BOUND).expect("not that late"),
        ];
        thread::scope(|scope| {
            let threads = waits.map(|wait| {
                let shutdown = &shutdown;
                scope.spawn(move || wait(shutdown))
            });
            shutdown.request("enough");
            for thread in threads {
                assert_eq!(thread.join().expect("no panic").to_string(), "request: enough");
            }
        });
        assert!(shutdown.wait_timeout(Duration::ZERO).is_some());
    });
}

#[test]
fn an_unpark_of_somebody_else_does_not_end_a_wait() {
    bounded(|| {
        let shutdown = ShutdownSignal::manual();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| shutdown.wait());
            for _ in 0..100 {
                waiting.thread().unpark();
                thread::yield_now();
            }
            shutdown.request("enough");
            assert_eq!(waiting.join().expect("no panic").to_string(), "request: enough");
        });
    });
}

#[test]
fn until_gives_up_its_future() {
    bounded(|| {
        struct Dropped<'a>(&'a AtomicUsize);
        impl Drop for Dropped<'_> {
            fn drop(&mut self) {
                self.0.fetch_add(1, Ordering::SeqCst);
            }
        }

        future::block_on(async {
            let shutdown = ShutdownSignal::manual();
            assert_eq!(shutdown.run_until_requested(async { 7 }).await, Some(7));

            let dropped = AtomicUsize::new(0);
            let work = async {
                let _dropped = Dropped(&dropped);
                future::pending::<()>().await;
            };
            let waits = || assert!(shutdown.request("enough"));
            assert_eq!(once_pending(shutdown.run_until_requested(work), waits).await, None);
            assert_eq!(dropped.load(Ordering::SeqCst), 1);

            let begun = AtomicUsize::new(0);
            let work = async {
                begun.fetch_add(1, Ordering::SeqCst);
            };
            assert_eq!(shutdown.run_until_requested(work).await, None, "the signal is asked first");
            assert_eq!(begun.load(Ordering::SeqCst), 0);
        });
    });
}

#[test]
fn what_is_shown() {
    let shutdown = ShutdownSignal::manual();
    assert_eq!(format!("{shutdown:?}"), "ShutdownSignal { reason: None }");
    assert_eq!(format!("{:?}", (&shutdown).into_future()), "Wait { requested: false }");
    shutdown.request("enough");
    let shown = format!("{shutdown:?}");
    assert_eq!(shown, r#"ShutdownSignal { reason: Some(Request("enough")) }"#);

    let sender = Some(Process::new(4242, 0));
    let reason = Reason::Signal { signal: Signal::Terminate, sender };
    assert_eq!(reason.to_string(), "SIGTERM from pid 4242 (uid 0)");
    let names = [
        (Signal::Terminate, "SIGTERM"),
        (Signal::Interrupt, "SIGINT"),
        (Signal::Hangup, "SIGHUP"),
        (Signal::Quit, "SIGQUIT"),
        (Signal::Other(10), "signal 10"),
    ];
    for (signal, name) in names {
        assert_eq!(Reason::Signal { signal, sender: None }.to_string(), name);
        assert_eq!(Signal::from_raw(signal.as_raw()), signal);
    }
}

#[test]
fn sets_of_signals() {
    let default = Signals::default();
    let term = Signals::none().with(Signal::Terminate);
    assert_eq!(default, term.clone().with(Signal::Interrupt));
    assert_eq!(default, default.clone().with(Signal::Other(15)).with(Signal::Interrupt));
    assert_eq!(term, default.clone().without(Signal::Other(2)));
    assert_eq!(term, term.clone().without(Signal::Hangup));
    assert_eq!(default, default.clone().forced_exit(ForcedExit::Interrupt));
    assert_ne!(default, default.clone().forced_exit(ForcedExit::Never));
    assert_ne!(default, default.clone().keep_ignored_interrupt());
}
