//! 6 and 8: when nobody listens any more, and in a forked child.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use futures_lite::future;
use libc::{SIGINT, SIGTERM, SIGUSR1};
use signal_hook::{flag, low_level};
use signoff::{ForcedExit, ShutdownSignal, Signal, Signals};

use super::{Runtime, stuck};
use crate::common::pending::once_pending;
use crate::common::system::{CHILD_RETURNED, died_by, fork, kill, pause, raise, wait_for};
use crate::common::{ANOTHER_PRESS, Case, say, variant};

pub(crate) fn test_kills(case: &Case) {
    for signal in [SIGTERM, SIGINT] {
        let child = case.ready();
        child.kill(signal);
        child.dies_by(signal);
    }
}

pub(crate) fn test_terminate_kills(case: &Case) {
    let child = case.ready();
    child.kill(SIGTERM);
    child.dies_by(SIGTERM);
}

pub(crate) fn kills<R: Runtime>() {
    R::block_on(async {
        let mut shutdown = R::listen();
        let clone = shutdown.clone();
        future::poll_once(&mut shutdown).await;
        drop(R::listen());
        drop((shutdown, clone));
        say("ready");
        stuck();
    });
}

/// One signal came and its last clone is gone; of the others none came.
pub(crate) fn another<R: Runtime>() {
    R::block_on(async {
        let shutdown = R::listen();
        let user = R::listen_to(Signals::none().with(Signal::Other(SIGUSR1)));
        raise(SIGUSR1);
        user.await;
        drop(shutdown);
        say("ready");
        stuck();
    });
}

pub(crate) fn test_first_process(case: &Case) {
    if let Some(child) = case.start_as_first() {
        child.passes();
    }
}

/// The kernel keeps signals from the first process of a namespace that does not handle them.
pub(crate) fn first_process<R: Runtime>() {
    say("started");
    assert_eq!(std::process::id(), 1);
    R::block_on(async {
        drop(R::listen());
        raise(SIGTERM);
        raise(SIGINT);
        let shutdown = R::listen();
        raise(SIGTERM);
        shutdown.await;
    });
}

pub(crate) fn again<R: Runtime>() {
    for _ in 0..10 {
        R::block_on(async {
            let shutdown = R::listen();
            raise(SIGTERM);
            shutdown.await;
        });
    }
}

/// The documented limit: whoever else listens through the same registry, and began after we did,
/// cannot be seen. The signal does what it did before `listen`, so it ends the process.
pub(crate) fn limit<R: Runtime>() {
    R::block_on(async {
        let shutdown = R::listen();
        let flag = Arc::new(AtomicBool::new(false));
        flag::register(SIGTERM, flag).expect("a handler");
        drop(shutdown);
        say("ready");
        stuck();
    });
}

pub(crate) fn forked<R: Runtime>() {
    R::block_on(async {
        let waiting = Waiting::on(R::listen_to(Signals::default().with(Signal::Hangup))).await;
        for signal in [SIGTERM, SIGINT, libc::SIGHUP] {
            let child = fork(|| pause());
            kill(child, signal);
            assert_eq!(died_by(wait_for(child)), Some(signal), "it does not swallow the signal");
        }
        waiting.goes_on().await;
    });
}

/// A child that drops its copy of everything leaves its parent alone.
pub(crate) fn forked_and_dropped<R: Runtime>() {
    R::block_on(async {
        let waiting = Waiting::on(R::listen()).await;
        let child = fork(|| {
            // SAFETY: the child owns its copy, and ends before anybody uses it again.
            drop(unsafe { std::ptr::read(&raw const waiting) });
        });
        assert_eq!(libc::WEXITSTATUS(wait_for(child)), CHILD_RETURNED);
        waiting.goes_on().await;
    });
}

/// The only clone, and somebody waits on it while the process forks.
pub(crate) struct Waiting(ShutdownSignal);

impl Waiting {
    pub(crate) async fn on(mut shutdown: ShutdownSignal) -> Self {
        assert!(future::poll_once(&mut shutdown).await.is_none());
        Self(shutdown)
    }

    /// What a child does is its own affair: the parent still waits, and is woken.
    pub(crate) async fn goes_on(self) {
        let Self(mut shutdown) = self;
        assert!(!shutdown.is_requested());
        once_pending(&mut shutdown, || raise(SIGTERM)).await;
    }

    /// The same with a signal that the test sends.
    pub(crate) async fn woken_from_outside(self) {
        let Self(mut shutdown) = self;
        assert!(!shutdown.is_requested());
        once_pending(&mut shutdown, || say("ready")).await;
        say("woken");
    }
}

pub(crate) fn test_requested(case: &Case) {
    for policy in ["default", "never"] {
        for signal in [SIGTERM, SIGINT] {
            let child = case.variant(policy).ready();
            child.kill(signal);
            child.dies_by(signal);
        }
    }
}

/// A request and no signal: after the last clone a signal does what it did before `listen`.
pub(crate) fn requested<R: Runtime>() {
    let policy = match variant().as_deref() {
        Some("never") => ForcedExit::Never,
        _ => ForcedExit::default(),
    };
    R::block_on(async {
        let shutdown = R::listen_to(Signals::default().forced_exit(policy));
        assert!(shutdown.request("enough"));
        drop(shutdown);
        say("ready");
        stuck();
    });
}

pub(crate) fn test_requested_beside_another(case: &Case) {
    let child = case.ready();
    child.kill(SIGTERM);
    child.expect("the other one is woken");
    child.passes();

    let child = case.variant("dropped").ready();
    child.kill(SIGTERM);
    child.dies_by(SIGTERM);
}

/// Another signal, which nothing requested, listens on.
pub(crate) fn requested_beside_another<R: Runtime>() {
    R::block_on(async {
        let (shutdown, other) = (R::listen(), R::listen());
        shutdown.request("enough");
        drop(shutdown);
        if variant().as_deref() != Some("dropped") {
            once_pending(other, || say("ready")).await;
            return say("the other one is woken");
        }
        drop(other);
        say("ready");
        stuck();
    });
}

/// The next `listen` ends a shutdown whose last clone is gone: a signal kills again after that.
pub(crate) fn next_listen<R: Runtime>() {
    R::block_on(async {
        let first = R::listen();
        raise(SIGTERM);
        first.await;
        raise(SIGTERM); // it does nothing
        drop(R::listen());
        say("ready");
        stuck();
    });
}

/// The last clone of a shutdown is dropped while a new one is listened to: its first two signals count
/// for the new one only.
pub(crate) fn beside_a_new_one<R: Runtime>() {
    R::block_on(async {
        let first = R::listen();
        raise(SIGTERM);
        let second = R::listen();
        std::thread::sleep(ANOTHER_PRESS);
        drop(first);
        raise(SIGINT);
        raise(SIGINT);
        second.await;
    });
}

/// A signal that no clone was asked about keeps the shutdown going, as if a clone were left.
pub(crate) fn never_looked_at<R: Runtime>() {
    R::block_on(async {
        let shutdown = R::listen();
        raise(SIGTERM);
        drop(shutdown);
        std::thread::sleep(ANOTHER_PRESS);
        raise(SIGTERM);
        raise(SIGINT); // the first one
    });
}

/// The last clone is part of a signal-hook action, and goes with it.
pub(crate) fn owned_by_an_action<R: Runtime>() {
    R::block_on(async {
        let shutdown = R::listen();
        let action = move || _ = &shutdown;
        // SAFETY: the action does nothing.
        let id = unsafe { low_level::register(SIGUSR1, action) }.expect("a handler");
        assert!(low_level::unregister(id));
        say("ready");
        stuck();
    });
}
