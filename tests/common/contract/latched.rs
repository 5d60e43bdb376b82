//! 2 and 3: it stays resolved, everywhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use futures_lite::future;
use libc::{SIGINT, SIGTERM};
use signoff::{ShutdownSignal, Signal, Signals};

use super::Runtime;
use crate::common::pending::once_pending;
use crate::common::system::raise;
use crate::common::{Case, say};

pub(crate) fn every_clone<R: Runtime>() {
    R::block_on(async {
        let mut shutdown = R::listen();
        let before = shutdown.clone();
        assert!(future::poll_once(&mut shutdown).await.is_none());
        raise(SIGTERM);
        (&mut shutdown).await;
        (&mut shutdown).await; // polling again is fine
        before.await;
        let mut after = shutdown.clone();
        assert!(future::poll_once(&mut after).await.is_some(), "a later clone is ready at once");
        (&shutdown).await;
        assert_eq!(shutdown.run_until_requested(future::pending::<()>()).await, None);

        // What comes later changes nothing.
        assert!(!shutdown.request("too late"));
        raise(SIGTERM);
        let reason = shutdown.reason().expect("it resolved").to_string();
        assert_eq!(reason, format!("SIGTERM from {}", me()));
        assert_eq!(shutdown.wait(), after.wait());
    });
}

/// This process, as a reason names it.
pub(crate) fn me() -> String {
    // SAFETY: cannot fail.
    let uid = unsafe { libc::getuid() };
    format!("pid {} (uid {uid})", std::process::id())
}

const TASKS: usize = 100;

pub(crate) fn test_tasks(case: &Case) {
    let child = case.ready();
    child.kill(SIGINT);
    child.expect("all woken");
    child.passes();
}

pub(crate) fn tasks<R: Runtime>() {
    R::block_on(async {
        let shutdown = R::listen();
        let (over, all_over) = crate::common::pending::flag();
        let waiting = Arc::new(AtomicUsize::new(0));
        let woken = Arc::new(AtomicUsize::new(0));
        for _ in 0..TASKS {
            let (shutdown, over) = (shutdown.clone(), over.clone());
            let (waiting, woken) = (Arc::clone(&waiting), Arc::clone(&woken));
            R::spawn(async move {
                let waits = || {
                    if waiting.fetch_add(1, Ordering::SeqCst) + 1 == TASKS {
                        say("ready");
                    }
                };
                once_pending(shutdown, waits).await;
                if woken.fetch_add(1, Ordering::SeqCst) + 1 == TASKS {
                    over.request("all");
                }
            });
        }
        all_over.await;
        say("all woken");
    });
}

pub(crate) fn test_executors(case: &Case) {
    let child = case.start();
    for _ in 0..EXECUTORS.len() {
        child.expect("waiting");
    }
    child.kill(SIGTERM);
    child.passes();
}

type Executor = fn(ShutdownSignal);

/// None of them is the runtime that listens, or at most one.
const EXECUTORS: [Executor; 5] = [
    |shutdown| future::block_on(waiting(shutdown)),
    |shutdown| async_io::block_on(waiting(shutdown)),
    |shutdown| smol::block_on(smol::spawn(waiting(shutdown))),
    |shutdown| async_std::task::block_on(async_std::task::spawn(waiting(shutdown))),
    |shutdown| {
        // Neither a clock nor a driver: the barest runtime there is.
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(waiting(shutdown));
    },
];

async fn waiting(shutdown: ShutdownSignal) {
    once_pending(shutdown, || say("waiting")).await;
}

pub(crate) fn executors<R: Runtime>() {
    R::block_on(async {
        let shutdown = R::listen();
        let threads = EXECUTORS.map(|executor| {
            let shutdown = shutdown.clone();
            thread::spawn(move || executor(shutdown))
        });
        shutdown.await;
        for thread in threads {
            thread.join().expect("it was woken");
        }
    });
}

pub(crate) fn test_two_runtimes(case: &Case) {
    let child = case.start();
    child.expect("waiting");
    child.expect("waiting");
    child.kill(SIGTERM);
    child.passes();
}

pub(crate) fn two_runtimes<R: Runtime>() {
    let runtime = || thread::spawn(|| R::block_on(async { waiting(R::listen()).await }));
    for thread in [runtime(), runtime()] {
        thread.join().expect("it was woken");
    }
}

pub(crate) fn several_listens<R: Runtime>() {
    R::block_on(async {
        let both = R::listen();
        let interrupt = R::listen_to(Signals::default().without(Signal::Terminate));
        let gone = R::listen();
        drop(gone); // the others go on
        raise(SIGTERM);
        both.clone().await;
        assert!(!interrupt.is_requested(), "each listens to its own set");
        raise(SIGINT);
        (&interrupt).await;
        let late = R::listen();
        assert!(!late.is_requested(), "each begins anew");
        assert_eq!(signal_of(&both), "SIGTERM");
        assert_eq!(signal_of(&interrupt), "SIGINT");
    });
}

fn signal_of(shutdown: &ShutdownSignal) -> String {
    let reason = shutdown.reason().expect("it was requested").to_string();
    reason.split(' ').next().expect("a word").to_owned()
}
