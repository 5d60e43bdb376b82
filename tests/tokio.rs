//! The contract, on both flavours of tokio.
#![cfg(target_os = "linux")]
#![allow(unsafe_code, reason = "real signals")]

mod common;

use std::future::poll_fn;
use std::task::Poll;
use std::thread;

use common::contract::{Runtime, contract, last_clone, stuck};
use common::runtimes::{CurrentThread, MultiThread};
use common::{Case, cases, pending, say, system};
use futures_lite::future;
use libc::{SIGINT, SIGTERM};
use signoff::{ShutdownSignal, Tokio};
use tokio::runtime::Builder;
use tokio::sync::mpsc;
use tokio::{signal, task};

mod current_thread {
    use super::*;

    contract!(CurrentThread);
}

mod multi_thread {
    use super::*;

    contract!(MultiThread);
}

cases! {
    ctrl_c_again_while_blocking_work_remains: ctrl_c_again, || {
        let runtime = Builder::new_multi_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let shutdown = ShutdownSignal::listen(Tokio).expect("nothing is in the way");
            say("ready");
            shutdown.await;
            task::spawn_blocking(stuck);
        });
        say("dropping");
        drop(runtime); // waits for the blocking work
    };
    nobody_needs_a_clock: |case| case.passes(), || {
        let runtime = Builder::new_current_thread().enable_io().build().expect("a runtime");
        runtime.block_on(async {
            let shutdown = ShutdownSignal::listen(Tokio).expect("nothing is in the way");
            system::raise(SIGTERM);
            shutdown.await;
        });
    };
    in_a_select: |case| case.passes(), || {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let mut shutdown = ShutdownSignal::listen(Tokio).expect("nothing is in the way");
            let mut rounds = 0;
            loop {
                tokio::select! {
                    () = &mut shutdown => break,
                    () = task::yield_now() => rounds += 1,
                }
                if rounds == 1000 {
                    system::raise(SIGTERM);
                }
            }
            (&mut shutdown).await;
        });
    };
    beside_ctrl_c_of_tokio: |case| case.passes(), || {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let shutdown = ShutdownSignal::listen(Tokio).expect("nothing is in the way");
            let ctrl_c = signal::ctrl_c();
            pending::once_pending(ctrl_c, || system::raise(SIGINT))
                .await
                .expect("it came");
            shutdown.await;
        });
    };
}

cases! {
    #[cfg(feature = "blocking")]
    a_channel_while_the_runtime_does_not_run: |case| {
        let child = case.ready();
        child.kill(SIGTERM);
        child.expect("disconnected");
        child.passes();
    }, || {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let shutdown = runtime.block_on(async { ShutdownSignal::listen(Tokio) });
        let shutdown = shutdown.expect("nothing is in the way");
        say("ready");
        let _ = shutdown.channel().recv();
        assert!(shutdown.is_requested());
        say("disconnected");
        drop(runtime);
    };
    listening_with_no_coop_budget_left: |case| case.passes(), || {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let (sender, mut receiver) = mpsc::unbounded_channel();
            (0..1000).for_each(|number| sender.send(number).expect("the receiver is here"));
            let listening = tokio::spawn(poll_fn(move |cx| {
                while receiver.poll_recv(cx).is_ready() {}
                assert!(!receiver.is_empty(), "the budget is used up before the messages are");
                let shutdown = ShutdownSignal::listen(Tokio).expect("nothing is in the way");
                let wait = pending::once_pending(shutdown, || system::raise(SIGTERM));
                let waiting = thread::spawn(|| future::block_on(wait));
                waiting.join().expect("the other worker wakes it"); // this one is blocked
                Poll::Ready(())
            }));
            listening.await.expect("no panic");
        });
    };
    the_last_clone_in_an_action: last_clone::test_terminate_kills,
        last_clone::owned_by_an_action::<CurrentThread>;
}

fn ctrl_c_again(case: &Case) {
    let child = case.ready();
    child.kill(SIGINT);
    child.expect("dropping");
    child.kill_again(SIGINT);
    child.dies_by(SIGINT);
}
