//! Hooks where the system refuses every thread: late, but not lost, and still within their limits.
#![cfg(target_os = "linux")]

mod common;

use std::future::pending;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use common::{BOUND, cases, say, system};
use signoff::{Error, Hooks, ShutdownSignal};

const SHORT: Duration = Duration::from_millis(30);

cases! {
    blocking_hooks_run_where_they_are: |case| case.start().passes(), || {
        system::refuse_threads();
        let here = thread::current().id();
        let report = futures_lite::future::block_on(
            Hooks::new()
                .blocking("inline", move || assert_eq!(thread::current().id(), here))
                .hook("works", async || {})
                .run(),
        );
        assert!(report.is_clean(), "{report}");
    };

    limits_hold_without_a_clock: |case| case.start().passes(), || {
        system::refuse_threads();
        let hooks = Hooks::new().budget(BOUND).hook("hangs", pending::<()>).within(SHORT);
        let report = futures_lite::future::block_on(hooks.run());
        assert_eq!(report.hooks()[0].outcome().to_string(), "timed out");
        assert!(report.took() >= SHORT && report.took() < BOUND / 2, "{report}");
    };

    // Nobody can take its place then, but it has not lost it either.
    a_hook_that_comes_back_runs_the_others: |case| {
        let child = case.start();
        child.expect("beside it");
        child.expect("after it");
        child.exits_with(0);
    }, || {
        let shutdown = ShutdownSignal::manual();
        let here = Arc::new(OnceLock::new());
        let there = Arc::clone(&here);
        let guard = Hooks::new()
            .budget(BOUND)
            .hook("comes back", async move || {
                thread::sleep(10 * SHORT);
                here.set(thread::current().id()).unwrap();
            })
            .hook("beside it", async move || {
                assert_eq!(there.get(), Some(&thread::current().id()));
                say("beside it");
            })
            .then()
            .hook("after it", async || say("after it"))
            .exit_on(shutdown.clone())
            .start()
            .unwrap();
        system::refuse_threads();
        shutdown.request("enough");
        guard.join();
    };

    exit_on_says_so: |case| case.start().passes(), || {
        system::refuse_threads();
        let refused = Hooks::new().exit_on(ShutdownSignal::manual()).start();
        let Err(error @ Error::Thread(_)) = refused else { panic!("{refused:?}") };
        assert!(error.to_string().contains("ulimit -u"), "{error}");
    };
}
