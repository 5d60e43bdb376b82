//! The contract, on both flavours of tokio.
#![cfg(target_os = "linux")]
#![allow(unsafe_code, reason = "real signals")]

mod common;

use common::contract::{Runtime, contract, stuck};
use common::runtimes::{CurrentThread, MultiThread};
use common::{Case, cases, say};
use libc::{SIGINT, SIGTERM};
use signoff::{ShutdownSignal, Tokio};
use tokio::runtime::Builder;
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
            common::system::raise(SIGTERM);
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
                    common::system::raise(SIGTERM);
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
            common::pending::once_pending(ctrl_c, || common::system::raise(SIGINT))
                .await
                .expect("it came");
            shutdown.await;
        });
    };
}

fn ctrl_c_again(case: &Case) {
    let child = case.ready();
    child.kill(SIGINT);
    child.expect("dropping");
    child.kill_again(SIGINT);
    child.exits_with(130);
}
