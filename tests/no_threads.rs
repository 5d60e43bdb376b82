//! Hooks where the system refuses every thread: late, but not lost, and still within their limits.
#![cfg(target_os = "linux")]

mod common;

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use common::{BOUND, block, cases, say, say_outcomes, system};
use libc::SIGTERM;
use signoff::{Blocking, Error, Hooks, ShutdownSignal};

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

    // Nothing that the exit needs is started after the signal.
    the_report_the_output_and_the_status_are_not_lost: |case| {
        let child = case.ready();
        child.kill(SIGTERM);
        for line in ["fails: failed: bad", "blocking: done", "the tail"] {
            child.expect(line);
        }
        child.exits_with(1);
    }, || {
        let shutdown = ShutdownSignal::listen(Blocking).unwrap();
        let hooks = Hooks::new().hook("fails", async || Err::<(), _>("bad"));
        let exit_on = hooks.blocking("blocking", || ()).exit_on(shutdown);
        let exit_on = exit_on.on_report(|report| {
            say_outcomes(&report);
            print!("\n@the tail"); // in the buffer
        });
        let _guard = exit_on.start().unwrap();
        system::refuse_threads();
        say("ready");
        block()
    };

    limits_hold_under_exit_on: |case| {
        let child = case.start();
        child.expect("hangs: timed out");
        child.expect("next: done");
        child.exits_with(1);
    }, || {
        let shutdown = ShutdownSignal::manual();
        let hooks = Hooks::new().budget(BOUND).hook("hangs", pending::<()>).within(SHORT).then();
        let exit_on = hooks.hook("next", async || {}).exit_on(shutdown.clone());
        let guard = exit_on.on_report(|report| say_outcomes(&report)).start().unwrap();
        system::refuse_threads();
        shutdown.request("enough");
        guard.join();
    };

    // The driver is stuck in it. The process exits without a report, and drops no other hook.
    a_hook_that_blocks_the_driver_does_not_stop_the_exit: |case| {
        let child = case.start();
        child.expect("async hooks start first");
        child.exits_with(1);
    }, || {
        let shutdown = ShutdownSignal::manual();
        let dropped = SaysWhenDropped;
        let guard = Hooks::new()
            .budget(5 * SHORT)
            .blocking("blocks", || block())
            .hook("async", async || say("async hooks start first"))
            .then()
            .hook("next", async move || drop(dropped))
            .exit_on(shutdown.clone())
            .start()
            .unwrap();
        system::refuse_threads();
        shutdown.request("enough");
        guard.join();
    };

    // A thread can be had again when the driver is stuck: the report says what never started.
    hooks_that_never_start_are_in_the_report: |case| {
        case.holds_once(|child| {
            let lines = [child.line(), child.line()];
            child.exits_with(1);
            if lines == ["blocks: abandoned", "next: not started"] { Ok(()) } else { Err(lines.concat()) }
        });
    }, || {
        let shutdown = ShutdownSignal::manual();
        let (before, limit) = mpsc::channel();
        let hooks = Hooks::new().budget(5 * SHORT).hook("blocks", async move || {
            system::limit(libc::RLIMIT_AS, limit.recv().unwrap());
            block()
        });
        let exit_on = hooks.then().hook("next", async || {}).exit_on(shutdown.clone()).quiet();
        let guard = exit_on.on_report(|report| say_outcomes(&report)).start().unwrap();
        before.send(system::refuse_threads()).unwrap();
        shutdown.request("enough");
        guard.join();
    };

    // 256 hooks of a stage run at once. If they block, and no thread takes their place, the driver does.
    a_hook_that_waits_for_a_thread_runs_on_the_driver: |case| {
        let child = case.start();
        child.expect("waits for a thread");
        child.exits_with(1);
    }, || {
        let shutdown = ShutdownSignal::manual();
        let begun = Arc::new(AtomicUsize::new(0));
        let hooks = (0..256).fold(Hooks::new().budget(BOUND / 10), |hooks, number| {
            let begun = Arc::clone(&begun);
            hooks.hook(number.to_string(), async move || {
                if begun.fetch_add(1, Ordering::SeqCst) == 255 {
                    system::refuse_threads();
                }
                block()
            })
        });
        let hooks = hooks.hook("257th", async || say("waits for a thread")).then();
        let hooks = hooks.hook("next", async || {}); // the time at which the others are given up
        let guard = hooks.exit_on(shutdown.clone()).quiet().start().unwrap();
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

struct SaysWhenDropped;

impl Drop for SaysWhenDropped {
    fn drop(&mut self) {
        say("dropped");
    }
}
