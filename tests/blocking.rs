//! The contract, on plain threads; and channels.
#![cfg(target_os = "linux")]
#![allow(unsafe_code, reason = "real signals")]

mod common;

use common::contract::{Runtime, contract};
use common::runtimes::Plain;
use common::{BOUND, Case, cases, linux, pending, say, say_outcomes, system};
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, TryRecvError, select, unbounded};
use futures_lite::future;
use libc::SIGTERM;
use signoff::{Blocking, ForcedExit, Hooks, ShutdownSignal, Signal, Signals};

contract!(Plain);

/// Is disconnected, without ever yielding a message.
#[track_caller]
fn assert_disconnected(receiver: &Receiver<Infallible>) {
    assert_eq!(receiver.recv_timeout(BOUND), Err(RecvTimeoutError::Disconnected));
}

#[test]
fn every_receiver_is_disconnected_at_the_request() {
    let shutdown = ShutdownSignal::manual();
    let first = shutdown.channel();
    let second = shutdown.clone().channel();
    assert_eq!(first.try_recv(), Err(TryRecvError::Empty));
    drop(shutdown.channel());
    shutdown.request("enough");
    let late = shutdown.channel();
    for receiver in [first, second, late] {
        assert_disconnected(&receiver);
    }
}

#[test]
fn there_is_no_limit_of_receivers() {
    let shutdown = ShutdownSignal::manual();
    let receivers: Vec<_> = (0..1000).map(|_| shutdown.channel()).collect();
    let threads: Vec<_> = receivers
        .chunks(100)
        .map(<[_]>::to_vec)
        .map(|some| std::thread::spawn(move || some.iter().for_each(assert_disconnected)))
        .collect();
    shutdown.request("enough");
    for thread in threads {
        thread.join().expect("each is disconnected");
    }
}

#[test]
fn the_last_clone_of_a_manual_signal_disconnects() {
    let shutdown = ShutdownSignal::manual();
    let receiver = shutdown.channel();
    let clone = shutdown.clone();
    drop(shutdown);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    drop(clone);
    assert_disconnected(&receiver);
}

#[test]
fn requests_and_new_receivers_race() {
    for _ in 0..200 {
        let shutdown = ShutdownSignal::manual();
        let receivers = std::thread::scope(|scope| {
            let thread = scope.spawn(|| [(); 8].map(|()| shutdown.channel()));
            shutdown.request("enough");
            thread.join().expect("no panic")
        });
        receivers.iter().for_each(assert_disconnected);
    }
}

cases! {
    a_channel_in_a_select: select_test, || {
        let shutdown = ShutdownSignal::listen(Blocking).expect("nothing is in the way");
        let (jobs, inbox) = unbounded();
        let stop = shutdown.channel();
        jobs.send("ready").expect("the other end is here");
        loop {
            select! {
                recv(inbox) -> job => say(job.expect("the other end is here")),
                recv(stop) -> _ => break,
            }
        }
        say(shutdown.reason().expect("it is requested"));
    };
    receivers_outlive_every_clone: |case| {
        let child = case.ready();
        child.kill(SIGTERM);
        child.expect("disconnected");
        child.passes();
    }, || {
        let stop = ShutdownSignal::listen(Blocking).expect("nothing is in the way").channel();
        say("ready");
        assert!(stop.recv().is_err());
        say("disconnected");
    };
}

cases! {
    channels_leave_nothing_behind: |case| case.passes(), || {
        let before = system::descriptors();
        for _ in 0..100 {
            let shutdown = ShutdownSignal::listen(Blocking).expect("nothing is in the way");
            std::thread::scope(|scope| {
                scope.spawn(|| drop(shutdown.channel())); // before the request, or after it
                shutdown.request("enough");
            });
            drop(shutdown.channel());
        }
        api::settles("descriptors", before, system::descriptors);
    };
    a_forked_child_may_listen_by_itself: |case| case.passes(), || {
        let shutdown = ShutdownSignal::listen(Blocking).expect("nothing is in the way");
        let child = system::fork(|| {
            let own = ShutdownSignal::listen(Blocking).expect("nothing is in the way");
            system::raise(SIGTERM);
            own.wait();
            drop(own);
            system::raise(SIGTERM); // part of the same shutdown
            drop(ShutdownSignal::listen(Blocking).expect("nothing is in the way"));
            system::raise(SIGTERM);
        });
        assert_eq!(system::died_by(system::wait_for(child)), Some(SIGTERM));
        assert!(!shutdown.is_requested());
        system::raise(SIGTERM);
        shutdown.wait();
    };
    the_last_clone_in_an_action: last_clone::test_terminate_kills,
        last_clone::owned_by_an_action::<Plain>;
    one_thread_is_enough: |case| case.passes(), || {
        let shutdown = ShutdownSignal::listen(Blocking).expect("nothing is in the way");
        let before = system::threads();
        let receivers = [shutdown.channel(), shutdown.channel()];
        assert_eq!(system::threads(), before);
        system::raise(SIGTERM);
        receivers.iter().for_each(assert_disconnected);
    };
    // The thread may have just begun to wait, or not yet.
    a_signal_right_after_the_last_clone: |case| case.passes(), || {
        for round in 0..300 {
            let child = system::fork(|| {
                let mut shutdown = ShutdownSignal::listen(Blocking).expect("nothing is in the way");
                if round % 2 == 0 {
                    let _ = pending::poll(&mut shutdown, Waker::noop());
                }
                let began = Instant::now();
                while began.elapsed() < Duration::from_micros(round) {}
                drop(shutdown);
                system::raise(SIGTERM);
            });
            assert_eq!(system::died_by(system::wait_for(child)), Some(SIGTERM), "round {round}");
        }
    };
    forked_in_the_middle_of_a_shutdown: |case| case.passes(), || {
        let listen = || ShutdownSignal::listen(Blocking).expect("nothing is in the way");
        let dies = |child: fn(&dyn Fn() -> ShutdownSignal)| {
            let child = system::fork(|| child(&listen));
            assert_eq!(system::died_by(system::wait_for(child)), Some(SIGTERM));
        };
        let children: [fn(&dyn Fn() -> ShutdownSignal); 2] = [
            |_| system::raise(SIGTERM),
            |listen| {
                drop(listen());
                system::raise(SIGTERM);
            },
        ];
        let shutdown = listen();
        system::raise(SIGTERM);
        shutdown.wait();
        children.into_iter().for_each(dies); // the parent has a clone
        drop(shutdown);
        children.into_iter().for_each(dies); // and now it has none
    };
    a_forked_child_that_listens_to_another_signal: |case| case.passes(), || {
        let user = || Signals::none().with(Signal::Other(libc::SIGUSR1)).listen(Blocking);
        let shutdown = user().expect("nothing is in the way");
        system::raise(libc::SIGUSR1);
        shutdown.wait();
        drop(shutdown);
        let child = system::fork(|| {
            let _own = ShutdownSignal::listen(Blocking).expect("nothing is in the way");
            system::raise(libc::SIGUSR1);
        });
        assert_eq!(system::died_by(system::wait_for(child)), Some(libc::SIGUSR1));
    };
    // The child has a copy of what the handler was doing in another thread.
    forked_while_signals_are_delivered: |case| case.passes(), || {
        let listen = || ShutdownSignal::listen(Blocking).expect("nothing is in the way");
        let shutdown = Signals::default().forced_exit(ForcedExit::Never).listen(Blocking);
        let shutdown = shutdown.expect("nothing is in the way");
        let busy = std::sync::Arc::new(AtomicBool::new(true));
        let thread = std::thread::spawn({
            let busy = std::sync::Arc::clone(&busy);
            move || {
                while busy.load(Ordering::Relaxed) {
                    system::raise(SIGTERM);
                }
            }
        });
        shutdown.wait();
        for _ in 0..100 {
            let child = system::fork(|| drop(listen()));
            assert_eq!(libc::WEXITSTATUS(system::wait_for(child)), system::CHILD_RETURNED);
        }
        busy.store(false, Ordering::Relaxed);
        thread.join().expect("no panic");
    };
    an_interrupted_system_call_does_not_end_the_thread: |case| {
        let child = case.ready();
        child.kill(SIGTERM);
        child.expect("woken");
        child.passes();
    }, || {
        let _user = signal_hook::flag::register(libc::SIGUSR2, std::sync::Arc::default());
        let mut shutdown = ShutdownSignal::listen(Blocking).expect("nothing is in the way");
        assert!(pending::poll(&mut shutdown, Waker::noop()).is_pending());
        for _ in 0..100 {
            common::until("it sleeps", || linux::is_asleep("signoff"));
            linux::interrupt_named("signoff", libc::SIGUSR2);
        }
        future::block_on(pending::once_pending(shutdown, || say("ready")));
        say("woken");
    };
    signals_that_end_a_process_by_default: ends_by_default, || {
        let number = common::variant().and_then(|number| number.parse().ok()).expect("a number");
        let signals = Signals::none().with(Signal::Other(number));
        drop(signals.listen(Blocking).expect("nothing is in the way"));
        say("ready");
        common::contract::stuck();
    };
    a_real_time_signal: real_time, || {
        let signals = || Signals::none().with(Signal::Other(libc::SIGRTMIN()));
        let shutdown = signals().listen(Blocking).expect("nothing is in the way");
        say("ready");
        say(shutdown.wait());
        drop(shutdown);
        drop(signals().listen(Blocking).expect("nothing is in the way"));
        say("nobody listens");
        common::contract::stuck();
    };

    // Without any runtime.
    a_hook_that_blocks_its_thread_keeps_only_itself: |case| {
        let child = case.start();
        for line in ["blocks: abandoned", "works: done", "blocks too: abandoned", "timer: done"] {
            child.expect(line);
        }
        child.exits_with(1);
    }, || {
        let shutdown = ShutdownSignal::manual();
        let timer = async || {
            async_io::Timer::after(Duration::from_millis(20)).await;
        };
        let guard = Hooks::new()
            .budget(Duration::from_secs(2))
            .hook("blocks", async || common::contract::stuck())
            .hook("works", async || future::yield_now().await)
            .hook("blocks too", async || common::contract::stuck())
            .hook("timer", timer)
            .exit_on(shutdown.clone())
            .quiet()
            .on_report(|report| say_outcomes(&report))
            .start()
            .expect("threads");
        shutdown.request("enough");
        guard.join();
    };
}

fn ends_by_default(case: &Case) {
    for signal in [libc::SIGIO, libc::SIGPWR, libc::SIGUSR1, libc::SIGALRM, libc::SIGVTALRM] {
        let child = case.variant(&signal.to_string()).ready();
        child.kill(signal);
        child.dies_by(signal);
    }
}

/// Its default is to end the process, and nobody knows it but the kernel.
fn real_time(case: &Case) {
    let child = case.ready();
    child.kill(libc::SIGRTMIN());
    let me = latched::me();
    child.expect(&format!("signal {} from {me}", libc::SIGRTMIN()));
    child.expect("nobody listens");
    child.kill(libc::SIGRTMIN());
    child.dies_by(libc::SIGRTMIN());
}

fn select_test(case: &Case) {
    let child = case.ready();
    child.kill(SIGTERM);
    child.expect(&format!("SIGTERM from {}", latched::me()));
    child.passes();
}
