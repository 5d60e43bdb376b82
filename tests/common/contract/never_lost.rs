//! 1: a signal after `listen` returns is kept.

use std::future::poll_fn;
use std::task::Context;
use std::thread;
use std::time::Duration;

use futures_lite::future;
use libc::SIGTERM;

use super::{Runtime, stuck};
use crate::common::pending::{OnClone, once_pending, poll};
use crate::common::system::raise;
use crate::common::{Case, say};

pub(crate) fn before_the_first_poll<R: Runtime>() {
    R::block_on(async {
        let shutdown = R::listen();
        assert!(!shutdown.is_requested());
        raise(SIGTERM);
        assert!(shutdown.is_requested(), "no executor is needed for that");
        shutdown.await;
    });
}

pub(crate) fn inside_of_a_poll<R: Runtime>() {
    R::block_on(async {
        let mut shutdown = R::listen();
        poll_fn(|cx| {
            let waker = OnClone::waker(cx.waker(), || raise(SIGTERM));
            poll(&mut shutdown, &waker)
        })
        .await;
    });
}

pub(crate) fn test_waiting_task(case: &Case) {
    let child = case.ready();
    child.kill(SIGTERM);
    child.expect("woken");
    child.passes();
}

pub(crate) fn waiting_task<R: Runtime>() {
    R::block_on(async {
        let shutdown = R::listen();
        let (done, over) = crate::common::pending::flag();
        R::spawn(async move {
            once_pending(shutdown, || say("ready")).await;
            say("woken");
            done.request("woken");
        });
        over.await;
    });
}

pub(crate) fn test_workers_blocked(case: &Case) {
    let child = case.ready();
    child.kill(SIGTERM);
    child.expect("seen by a thread");
    child.expect("resolved");
    child.passes();
}

/// Everybody is busy until the signal comes, and somebody waits.
pub(crate) fn workers_blocked<R: Runtime>() {
    R::block_on(async {
        let shutdown = R::listen();
        let busy = {
            let shutdown = shutdown.clone();
            move || {
                while !shutdown.is_requested() {
                    thread::sleep(Duration::from_millis(1));
                }
            }
        };
        R::block_every_worker(busy.clone());
        let mut waiting = shutdown.clone();
        future::poll_once(&mut waiting).await;
        say("ready");
        busy();
        say("seen by a thread");
        waiting.await;
        say("resolved");
    });
}

pub(crate) fn test_runtime_gone(case: &Case) {
    let child = case.ready();
    child.kill(SIGTERM);
    child.expect("woken");
    child.passes();
}

/// The runtime that listens is dropped, and somebody waits on another executor.
pub(crate) fn runtime_gone<R: Runtime>() {
    let shutdown = R::inside(R::listen);
    future::block_on(once_pending(shutdown, || say("ready")));
    say("woken");
}
