//! 5: the handlers of other parts of the program.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use libc::{SIGINT, SIGTERM};
use signal_hook::{flag, low_level};
use signoff::{Backend, Error, Notifier, Signals};
use tokio::signal::unix::{SignalKind, signal};

use super::Runtime;
use super::last_clone::Waiting;
use crate::common::system::{CHILD_RETURNED, fork, raise, wait_for};

/// How often the plain handler ran.
static PLAIN: AtomicUsize = AtomicUsize::new(0);

extern "C" fn plain(_: i32) {
    PLAIN.fetch_add(1, Ordering::SeqCst);
}

/// Sets a handler the old way, with no library in between.
fn handle_plainly(signal: i32) {
    let handler: extern "C" fn(i32) = plain;
    // SAFETY: the handler does one atomic addition.
    let before = unsafe { libc::signal(signal, handler as libc::sighandler_t) };
    assert_ne!(before, libc::SIG_ERR);
}

fn flagged(signal: i32) -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    flag::register(signal, Arc::clone(&flag)).expect("a handler");
    flag
}

/// tokio's own listener, on a runtime that the test drives by itself.
struct Tokio(tokio::runtime::Runtime, tokio::signal::unix::Signal);

impl Tokio {
    fn new() -> Self {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build().expect("a runtime");
        let signal = {
            let _inside = runtime.enter();
            signal(SignalKind::terminate()).expect("a listener")
        };
        Self(runtime, signal)
    }

    /// Hangs where the signal is lost.
    fn sees_it(self) {
        let Self(runtime, mut signal) = self;
        // A thread of its own: this one may be inside of a runtime.
        thread::spawn(move || {
            runtime.block_on(signal.recv());
        })
        .join()
        .expect("no panic");
    }
}

pub(crate) fn beside<R: Runtime>() {
    handle_plainly(SIGTERM);
    let (flag_before, tokio_before) = (flagged(SIGTERM), Tokio::new());
    R::block_on(async {
        let shutdown = R::listen();
        let (flag_after, tokio_after) = (flagged(SIGTERM), Tokio::new());
        raise(SIGTERM);
        shutdown.await;
        assert_eq!(PLAIN.load(Ordering::SeqCst), 1);
        assert!(flag_before.load(Ordering::SeqCst));
        assert!(flag_after.load(Ordering::SeqCst));
        tokio_before.sees_it();
        tokio_after.sees_it();
    });
}

/// A handler from before `listen` has the signal for itself after the last clone.
pub(crate) fn afterwards<R: Runtime>() {
    handle_plainly(SIGTERM);
    let flag = flagged(SIGINT);
    R::block_on(async {
        drop(R::listen());
        raise(SIGTERM);
        raise(SIGINT);
    });
    assert_eq!(PLAIN.load(Ordering::SeqCst), 1);
    assert!(flag.load(Ordering::SeqCst));
}

/// In a forked child that handler has the signal for itself, too.
pub(crate) fn forked<R: Runtime>() {
    handle_plainly(SIGTERM);
    R::block_on(async {
        let waiting = Waiting::on(R::listen()).await;
        let child = fork(|| {
            raise(SIGTERM);
            assert_eq!(PLAIN.load(Ordering::SeqCst), 1);
        });
        assert_eq!(libc::WEXITSTATUS(wait_for(child)), CHILD_RETURNED);
        waiting.goes_on().await;
    });
}

/// `listen` fails after a signal has come: other handlers and listeners have it once.
pub(crate) fn once<R: Runtime>() {
    handle_plainly(SIGTERM);
    R::block_on(async {
        let other = R::listen();
        Signals::default().listen(RaisesAndFails).expect_err("it never works");
        other.await;
        assert_eq!(PLAIN.load(Ordering::SeqCst), 1);
    });
}

struct RaisesAndFails;

impl Backend for RaisesAndFails {
    type Watch = ();

    fn watch(self, _: Notifier) -> Result<(), Error> {
        raise(SIGTERM);
        Err(Error::Backend("as expected".into()))
    }
}

/// Every listener has the signal before any of them is woken. Another handler stands in between
/// and takes its time.
pub(crate) fn between_two_listeners<R: Runtime>() {
    R::block_on(async {
        let first = R::listen();
        // SAFETY: the action sleeps, which a handler may do.
        let slow = unsafe { low_level::register(SIGTERM, || thread::sleep(A_WHILE)) };
        slow.expect("a handler");
        let second = R::listen();
        let waiting = thread::spawn({
            let (first, second) = (first.clone(), second.clone());
            move || {
                first.wait();
                second.is_requested()
            }
        });
        raise(SIGTERM);
        assert!(waiting.join().expect("no panic"), "the second one did not know yet");
        first.await;
        second.await;
    });
}

const A_WHILE: Duration = Duration::from_millis(200);
