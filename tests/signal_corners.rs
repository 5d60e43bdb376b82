//! Signals in rare circumstances: a child of a signal that nothing waits for, a stream that changes
//! tasks, a signal that came before the program was ready, or from outside its namespace.
#![cfg(target_os = "linux")]
#![allow(unsafe_code, reason = "real signals, and a waker that counts its clones")]

mod common;

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Waker};
use std::thread;

use common::contract::Runtime;
use common::pending::{Count, OnClone, once_pending, poll};
use common::runtimes::{AsyncStd, CurrentThread, MultiThread, Plain, Smol};
use common::{BOUND, at_once, block, cases, linux, say, system, until, variant};
use futures_lite::StreamExt;
use futures_lite::future::block_on;
use libc::{SIGHUP, SIGINT, SIGTERM};
use signoff::{Blocking, Hooks, ShutdownSignal, Signal, Signals};

cases! {
    // The thread of `Blocking` sleeps until there is a waiter. The parent has none but the child.
    a_child_whose_parent_is_never_awaited: |case| {
        at_once(["await", "wait", "channel", "grandchild", "exit_on"], |variant| {
            let child = case.variant(variant).ready();
            child.kill(SIGTERM);
            child.expect("SIGTERM");
            child.exits_with(0);
        });
    }, || {
        let shutdown = ShutdownSignal::listen(Blocking).unwrap();
        let child = shutdown.child();
        let is_ready = || say("ready");
        match variant().unwrap().as_str() {
            "await" => block_on(once_pending(&child, is_ready)),
            "wait" => {
                is_ready();
                child.wait();
            }
            "channel" => {
                let receiver = child.channel();
                is_ready();
                assert!(receiver.recv().is_err());
            }
            "grandchild" => block_on(once_pending(child.child(), is_ready)),
            _ => {
                let exit_on = Hooks::new().hook("says", async || say("SIGTERM")).exit_on(child.clone()).quiet();
                is_ready();
                _ = block_on(exit_on.run(child));
            }
        }
        say_reason(&shutdown);
    };

    // Only the last waker counts.
    a_stream_that_is_polled_in_one_task_and_awaited_in_another: |case| {
        at_once(BACKENDS, |backend| case.variant(backend).passes());
    }, || on(variant().unwrap().as_str(), StreamInTwoTasks);

    // A forced exit is for shutdowns.
    a_stream_gets_every_interrupt: |case| at_once(BACKENDS, |backend| {
        let child = case.variant(backend).ready();
        child.kill(SIGINT);
        child.expect("SIGINT");
        for _ in 0..2 {
            child.kill_again(SIGINT);
            child.expect("SIGINT");
        }
        child.passes();
    }), || on(variant().unwrap().as_str(), ThreeInterrupts);

    // It is pending while `listen` starts, and is delivered in the middle of that.
    a_signal_that_came_before_listen: |case| {
        let case = case.blocking(SIGTERM);
        at_once(BACKENDS.iter().flat_map(|backend| WAYS.map(|way| (backend, way))), |(backend, way)| {
            let child = case.variant(&format!("{backend} {way}")).start();
            child.expect("SIGTERM");
            child.exits_with(0);
        });
    }, || {
        system::kill(std::process::id().try_into().unwrap(), SIGTERM);
        on(variant().unwrap().split(' ').next().unwrap(), Way { is_early: true });
    };

    a_signal_that_came_before_start: |case| {
        at_once(BACKENDS.iter().flat_map(|backend| WAYS.map(|way| (backend, way))), |(backend, way)| {
            let child = case.variant(&format!("{backend} {way}")).start();
            child.expect("SIGTERM");
            child.exits_with(0);
        });
    }, || on(variant().unwrap().split(' ').next().unwrap(), Way { is_early: false });

    // The kernel names no process that this one could know.
    a_sender_outside_the_namespace: |case| {
        let Some(child) = case.start_as_first() else { return };
        child.expect("ready");
        child.kill(SIGTERM);
        child.expect("SIGTERM");
        child.passes();
    }, || {
        say("started");
        let shutdown = ShutdownSignal::listen(Blocking).unwrap();
        say("ready");
        say(shutdown.wait());
    };

    // The thread that waits for the signal ends with the last clone, and does not spin.
    a_waiting_thread_ends_with_the_last_clone: |case| case.start().passes(), || {
        let mut shutdown = ShutdownSignal::listen(Blocking).unwrap();
        assert!(poll(&mut shutdown, Waker::noop()).is_pending());
        until("its thread waits", || linux::is_asleep("signoff"));
        drop(shutdown);
        until("its thread has ended", || !linux::is_running("signoff"));
    };

    every_shutdown_outlives_a_hangup: |case| case.start().passes(), || {
        for _ in 0..2 {
            let shutdown = ShutdownSignal::listen(Blocking).unwrap();
            system::raise(SIGTERM);
            shutdown.wait();
            system::raise(SIGHUP);
        }
    };

    // Its previous behavior is that of before the shutdown.
    a_hangup_after_a_shutdown_with_a_reload: |case| {
        let child = case.ready();
        child.kill(SIGHUP);
        child.dies_by(SIGHUP);
    }, || {
        let shutdown = ShutdownSignal::listen(Blocking).unwrap();
        system::raise(SIGTERM);
        shutdown.wait();
        drop(Signals::new([Signal::Hangup]).stream(Blocking).unwrap());
        drop(shutdown);
        let _next = ShutdownSignal::listen(Blocking).unwrap();
        say("ready");
        block();
    };

    a_hangup_during_a_shutdown_interrupts_no_read: |case| case.start().passes(), || {
        let shutdown = ShutdownSignal::listen(Blocking).unwrap();
        system::raise(SIGTERM);
        shutdown.wait();
        let (mut here, mut there) = UnixStream::pair().unwrap();
        let reads = move || there.read(&mut [0]).unwrap();
        let reading = thread::Builder::new().name("reads".into()).spawn(reads).unwrap();
        until("it reads", || linux::is_asleep("reads"));
        system::interrupt(&reading, SIGHUP);
        thread::sleep(common::ANOTHER_PRESS); // it has the signal by now
        here.write_all(b"a").unwrap();
        assert_eq!(reading.join().unwrap(), 1);
    };
}

const BACKENDS: [&str; 5] = ["current_thread", "multi_thread", "smol", "async_std", "plain"];

/// What a case does on one runtime.
trait OnRuntime {
    fn run<R: Runtime>(self);
}

fn on(backend: &str, case: impl OnRuntime) {
    match backend {
        "current_thread" => case.run::<CurrentThread>(),
        "multi_thread" => case.run::<MultiThread>(),
        "smol" => case.run::<Smol>(),
        "async_std" => case.run::<AsyncStd>(),
        _ => case.run::<Plain>(),
    }
}

struct StreamInTwoTasks;

impl OnRuntime for StreamInTwoTasks {
    fn run<R: Runtime>(self) {
        R::block_on(async {
            let mut stream = Signals::new([Signal::Hangup]).stream(R::Backend::default()).unwrap();
            let (_count, elsewhere) = Count::new();
            assert!(stream.poll_next(&mut Context::from_waker(&elsewhere)).is_pending());
            let hang_up = || _ = thread::spawn(|| system::raise(SIGHUP));
            assert_eq!(once_pending(stream.recv(), hang_up).await, Signal::Hangup);
        });
    }
}

struct ThreeInterrupts;

impl OnRuntime for ThreeInterrupts {
    fn run<R: Runtime>(self) {
        R::block_on(async {
            let mut stream =
                Signals::new([Signal::Interrupt]).stream(R::Backend::default()).unwrap();
            say("ready");
            for _ in 0..3 {
                say(stream.recv().await);
            }
        });
    }
}

const WAYS: [&str; 5] = ["await", "wait", "channel", "start", "run"];

struct Way {
    /// The signal is there already.
    is_early: bool,
}

impl OnRuntime for Way {
    fn run<R: Runtime>(self) {
        R::block_on(async {
            let shutdown = R::listen();
            if !self.is_early {
                system::raise(SIGTERM);
            }
            let exit_on = |name| Hooks::new().budget(BOUND).hook(name, async || say("SIGTERM"));
            match variant().unwrap().split(' ').nth(1).unwrap() {
                "await" => shutdown.clone().await,
                "wait" => _ = shutdown.wait(),
                "channel" => assert!(shutdown.channel().recv().is_err()),
                "start" => {
                    exit_on("hook").exit_on(shutdown.clone()).quiet().start().unwrap().join();
                }
                _ => {
                    let run = exit_on("hook").exit_on(shutdown.clone()).quiet();
                    _ = run.run(shutdown.clone()).await;
                }
            }
            say_reason(&shutdown);
        });
    }
}

/// Without the sender.
fn say_reason(shutdown: &ShutdownSignal) {
    let reason = shutdown.reason().expect("it was requested").to_string();
    say(reason.split(' ').next().expect("a name"));
}

/// A task that is woken for other things polls its signal again and again.
#[test]
fn a_waker_that_is_registered_is_not_cloned_again() {
    static CLONES: AtomicUsize = AtomicUsize::new(0);
    let waker = OnClone::waker(Waker::noop(), || _ = CLONES.fetch_add(1, Ordering::SeqCst));
    let clones_of = |mut shutdown: ShutdownSignal| {
        let before = CLONES.load(Ordering::SeqCst);
        for _ in 0..100 {
            assert!(poll(&mut shutdown, &waker).is_pending());
        }
        CLONES.load(Ordering::SeqCst) - before
    };
    let shutdown = ShutdownSignal::manual();
    assert_eq!(clones_of(shutdown.clone()), 1);
    assert_eq!(clones_of(shutdown.child()), 1);
    assert_eq!(clones_of(shutdown.child().child()), 1);
}
