//! Signals that repeat, on every backend.
#![cfg(target_os = "linux")]
#![allow(unsafe_code, reason = "real signals")]

mod common;

use std::fmt::Debug;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use common::contract::{Runtime, stuck};
use common::pending::{OnClone, once_pending};
use common::system::{CHILD_RETURNED, fork, kill, raise, wait_for};
use common::{Case, cases, linux, say, system, until};
use futures_lite::{Stream, StreamExt, future};
use libc::{SIGHUP, SIGTERM, SIGUSR1};
use signoff::{Error, ShutdownSignal, Signal, SignalStream, Signals};

const HANGUP: Signal = Signal::Hangup;
const USER: Signal = Signal::Other(SIGUSR1);
const SHORT: Duration = Duration::from_millis(30);

fn stream<R: Runtime>(signals: impl IntoIterator<Item = Signal>) -> SignalStream {
    Signals::new(signals).stream(R::Backend::default()).unwrap()
}

#[test]
fn a_stream_goes_everywhere() {
    fn check<T: Stream<Item = Signal> + Debug + Send + Sync + Unpin + 'static>() {}
    check::<SignalStream>();
}

async fn is_idle(stream: &mut SignalStream) -> bool {
    future::poll_once(stream.recv()).await.is_none()
}

fn every_signal<R: Runtime>() {
    R::block_on(async {
        let mut stream = stream::<R>([HANGUP]);
        raise(SIGHUP); // before the first poll
        for _ in 0..100 {
            assert_eq!(stream.recv().await, HANGUP);
            assert_eq!(once_pending(stream.recv(), || raise(SIGHUP)).await, HANGUP);
            raise(SIGHUP);
        }
        assert_eq!(stream.next().await, Some(HANGUP));
        assert!(is_idle(&mut stream).await);
    });
}

fn coalesced<R: Runtime>() {
    R::block_on(async {
        let mut stream = stream::<R>([HANGUP, USER]);
        for signal in [SIGHUP, SIGUSR1, SIGHUP, SIGHUP, SIGUSR1] {
            raise(signal);
        }
        let mut both = [stream.recv().await, stream.recv().await];
        both.sort_by_key(|signal| signal.as_raw());
        assert_eq!(both, [HANGUP, USER]);
        assert!(is_idle(&mut stream).await);
        assert_eq!(once_pending(stream.recv(), || raise(SIGUSR1)).await, USER);
    });
}

fn several<R: Runtime>() {
    R::block_on(async {
        let tokio = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let (beside, done) = std::sync::mpsc::channel();
        {
            let _inside = tokio.enter();
            let kind = tokio::signal::unix::SignalKind::hangup();
            let mut signal = tokio::signal::unix::signal(kind).unwrap();
            tokio.spawn(async move {
                while signal.recv().await.is_some() {
                    beside.send(()).unwrap();
                }
            });
        }
        let mut streams = [stream::<R>([HANGUP]), stream::<R>([HANGUP, USER])];
        let same = R::listen_to(Signals::new([HANGUP]));
        let other = R::listen();
        for _ in 0..3 {
            raise(SIGHUP);
            for stream in &mut streams {
                assert_eq!(stream.recv().await, HANGUP);
            }
            done.recv_timeout(common::BOUND).unwrap();
        }
        (&same).await;
        assert!(!other.is_requested());
        drop(streams);
        raise(SIGTERM);
        other.await;
        thread::spawn(move || drop(tokio)).join().unwrap();
    });
}

/// What was written before a signal is seen by the program that reads it after the signal.
fn none_is_lost<R: Runtime>() {
    const LAST: usize = 5000;
    R::block_on(async {
        let mut stream = stream::<R>([HANGUP]);
        let version = Arc::new(AtomicUsize::new(0));
        let writer = Arc::clone(&version);
        let writer = thread::spawn(move || {
            for number in 1..=LAST {
                writer.store(number, Ordering::SeqCst);
                raise(SIGHUP);
            }
        });
        let mut seen = 0;
        while seen < LAST {
            stream.recv().await;
            seen = version.load(Ordering::SeqCst);
        }
        writer.join().expect("no panic"); // its last signal still finds the stream
    });
}

fn inherited<R: Runtime>() {
    R::block_on(async {
        let mut stream = stream::<R>([HANGUP, USER]);
        raise(SIGHUP);
        raise(SIGUSR1);
        assert_eq!(stream.recv().await, USER);
        assert!(is_idle(&mut stream).await);
        let signals = Signals::new([HANGUP]).even_if_ignored();
        let mut stream = signals.stream(R::Backend::default()).unwrap();
        assert_eq!(once_pending(stream.recv(), || raise(SIGHUP)).await, HANGUP);
        drop(stream);
        raise(SIGHUP); // it is ignored again
    });
}

fn dropped<R: Runtime>() {
    R::block_on(async {
        let mut stream = stream::<R>([HANGUP]);
        assert_eq!(once_pending(stream.recv(), || raise(SIGHUP)).await, HANGUP);
        raise(SIGHUP);
        drop(stream); // and a signal that is not looked at
        say("ready");
        stuck();
    });
}

fn test_dropped(case: &Case) {
    let child = case.ready();
    child.kill(SIGHUP);
    child.dies_by(SIGHUP);
}

/// The runtime is blocked meanwhile.
fn threads<R: Runtime>() {
    R::block_on(async {
        let mut stream = stream::<R>([HANGUP]);
        R::block_every_worker(stuck);
        assert_eq!(stream.wait_timeout(SHORT), None);
        say("ready");
        assert_eq!(stream.wait(), HANGUP);
        say("again");
        assert_eq!(stream.wait_timeout(Duration::MAX), Some(HANGUP));
        assert_eq!(stream.wait_timeout(Duration::ZERO), None);
        say("done");
        std::process::exit(0); // the workers are blocked
    });
}

fn test_threads(case: &Case) {
    let child = case.ready();
    child.kill(SIGHUP);
    child.expect("again");
    child.kill(SIGHUP);
    child.expect("done");
    child.exits_with(0);
}

fn runtime_gone<R: Runtime>() {
    let mut stream = R::block_on(async { stream::<R>([HANGUP]) });
    for _ in 0..3 {
        let signal = future::block_on(once_pending(stream.recv(), || raise(SIGHUP)));
        assert_eq!(signal, HANGUP);
    }
}

/// It comes while the waker is being registered.
fn inside_of_a_poll<R: Runtime>() {
    R::block_on(async {
        let mut stream = stream::<R>([HANGUP]);
        let waker = OnClone::waker(Waker::noop(), || raise(SIGHUP));
        let recv = pin!(stream.recv());
        let poll = recv.poll(&mut Context::from_waker(&waker));
        assert_eq!(poll, Poll::Ready(HANGUP));
    });
}

/// A signal that is not looked at costs nothing.
fn idle<R: Runtime>() {
    R::block_on(async {
        let mut stream = stream::<R>([HANGUP]);
        assert!(is_idle(&mut stream).await);
        raise(SIGHUP);
        future::yield_now().await;
        future::yield_now().await;
        let before = processor_time();
        let sleep = thread::spawn(|| thread::sleep(20 * SHORT));
        while !sleep.is_finished() {
            thread::sleep(SHORT);
            future::yield_now().await;
        }
        let used = processor_time().saturating_sub(before);
        assert!(used < 3 * SHORT, "{used:?}");
        assert_eq!(stream.recv().await, HANGUP);
    });
}

fn processor_time() -> Duration {
    // SAFETY: zeroes are a valid `timespec`, and the pointer is to a live one.
    unsafe {
        let mut time: libc::timespec = std::mem::zeroed();
        assert_eq!(libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time), 0);
        Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
    }
}

fn refused<R: Runtime>() {
    R::block_on(async {
        let stream = |signals: Signals| signals.stream(R::Backend::default()).map(drop);
        assert!(matches!(stream(Signals::none()), Err(Error::NoSignals)));
        for number in [libc::SIGKILL, libc::SIGSTOP, libc::SIGSEGV, libc::SIGABRT] {
            let signals = Signals::new([HANGUP, Signal::Other(number)]);
            let result = stream(signals);
            assert!(matches!(result, Err(Error::NotAllowed(signal)) if signal.as_raw() == number));
        }
        for number in [0, 65, i32::MAX] {
            let result = stream(Signals::new([Signal::Other(number)]));
            assert!(matches!(result, Err(Error::Unknown(signal)) if signal.as_raw() == number));
        }
    });
}

/// Signals of normal operation are events, too. Afterwards they do what they did before.
fn normal_operation<R: Runtime>() {
    const SIGNALS: [i32; 7] = [
        libc::SIGWINCH,
        libc::SIGCONT,
        libc::SIGCHLD,
        libc::SIGURG,
        libc::SIGTSTP,
        libc::SIGTTIN,
        libc::SIGTTOU,
    ];
    R::block_on(async {
        for number in SIGNALS {
            let mut stream = stream::<R>([Signal::Other(number)]);
            let signal = once_pending(stream.recv(), || raise(number)).await;
            assert_eq!(signal.as_raw(), number);
        }
        for number in [libc::SIGWINCH, libc::SIGCONT, libc::SIGCHLD, libc::SIGURG] {
            raise(number);
        }
        let child = fork(|| {
            // SAFETY: plain numbers. A group that is an orphan would not be stopped.
            assert_eq!(unsafe { libc::setpgid(0, 0) }, 0);
            let handler = system::disposition(libc::SIGTSTP);
            raise(libc::SIGTSTP);
            assert_eq!(system::disposition(libc::SIGTSTP), handler, "for the next stream");
        });
        until("stopped", || system::is_in_state(child, 'T'));
        kill(child, libc::SIGCONT);
        assert_eq!(libc::WEXITSTATUS(wait_for(child)), CHILD_RETURNED);
    });
}

/// The runtime is blocked by the wait, and no thread can be started.
fn without_threads<R: Runtime>() {
    R::block_on(async {
        let mut stream = stream::<R>([HANGUP]);
        linux::without_threads(|| {
            for _ in 0..2 {
                say("ready");
                assert_eq!(stream.wait(), HANGUP);
                say("woken");
            }
            assert_eq!(stream.wait_timeout(SHORT), None);
        });
    });
}

fn test_without_threads(case: &Case) {
    let child = case.start();
    for _ in 0..2 {
        child.expect("ready");
        child.kill(SIGHUP);
        child.expect("woken");
    }
    child.passes();
}

fn nothing_left<R: Runtime>() {
    R::block_on(async {
        drop((R::listen(), stream::<R>([HANGUP]))); // what a runtime opens at its first use
        let count = || (system::descriptors(), system::threads());
        until("settled", || {
            let before = count();
            thread::sleep(SHORT);
            before == count()
        });
        let before = count();
        for _ in 0..20 {
            let mut stream = stream::<R>([HANGUP]);
            assert_eq!(once_pending(stream.recv(), || raise(SIGHUP)).await, HANGUP);
            assert_eq!(stream.wait_timeout(Duration::ZERO), None);
        }
        until("nothing is left", || {
            let now = count();
            now.0 <= before.0 && now.1 <= before.1
        });
    });
}

fn forked<R: Runtime>() {
    R::block_on(async {
        let mut stream = stream::<R>([HANGUP]);
        assert!(is_idle(&mut stream).await);
        let child = fork(|| {
            // SAFETY: the child owns its copy, and ends before anything uses it again.
            let mut copy = unsafe { std::ptr::read(&raw const stream) };
            assert_eq!(copy.wait_timeout(SHORT), None);
            drop(copy);
        });
        assert_eq!(libc::WEXITSTATUS(wait_for(child)), CHILD_RETURNED);
        for _ in 0..3 {
            assert_eq!(once_pending(stream.recv(), || raise(SIGHUP)).await, HANGUP);
        }
    });
}

/// A shutdown is requested while the program waits for the next reload.
fn beside_a_shutdown<R: Runtime>() {
    R::block_on(async {
        let mut stream = stream::<R>([HANGUP]);
        let shutdown: ShutdownSignal = R::listen();
        let reload = once_pending(shutdown.run_until_requested(stream.recv()), || raise(SIGHUP));
        assert_eq!(reload.await, Some(HANGUP));
        let reload = once_pending(shutdown.run_until_requested(stream.recv()), || raise(SIGTERM));
        assert_eq!(reload.await, None);
        assert_eq!(once_pending(stream.recv(), || raise(SIGHUP)).await, HANGUP);
    });
}

macro_rules! on_every_backend {
    ($($module:ident: $runtime:ident)*) => { $(
        mod $module {
            use super::*;
            use super::common::runtimes::$runtime as Tested;

            cases! {
                every_signal_is_returned: |case| case.passes(), super::super::every_signal::<Tested>;
                pending_signals_are_one: |case| case.passes(), super::super::coalesced::<Tested>;
                several_at_once: |case| case.passes(), super::super::several::<Tested>;
                none_is_lost: |case| case.passes(), super::super::none_is_lost::<Tested>;
                an_ignored_signal: |case| case.ignoring(SIGHUP).passes(),
                    super::super::inherited::<Tested>;
                the_previous_behavior_is_restored: test_dropped, super::super::dropped::<Tested>;
                threads_wait: test_threads, super::super::threads::<Tested>;
                the_runtime_is_gone: |case| case.passes(), super::super::runtime_gone::<Tested>;
                it_comes_inside_of_a_poll: |case| case.passes(),
                    super::super::inside_of_a_poll::<Tested>;
                idle: |case| case.passes(), super::super::idle::<Tested>;
                sets_that_cannot_be: |case| case.passes(), super::super::refused::<Tested>;
                signals_of_normal_operation: |case| case.passes(),
                    super::super::normal_operation::<Tested>;
                a_wait_without_threads: test_without_threads,
                    super::super::without_threads::<Tested>;
                nothing_is_left_behind: |case| case.passes(), super::super::nothing_left::<Tested>;
                a_forked_child: |case| case.passes(), super::super::forked::<Tested>;
                beside_a_shutdown: |case| case.passes(), super::super::beside_a_shutdown::<Tested>;
            }
        }
    )* };
}

on_every_backend! {
    current_thread: CurrentThread
    multi_thread: MultiThread
    smol: Smol
    async_std: AsyncStd
    blocking: Plain
}
