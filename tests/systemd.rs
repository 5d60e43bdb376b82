//! What systemd receives, on a real socket, from a process that gets real signals.
#![cfg(target_os = "linux")]

mod common;
#[path = "common/manager.rs"]
mod manager;

use std::future::pending;
use std::process;
use std::sync::mpsc;
use std::time::Duration;

use common::{BOUND, cases, say, system, ticks, variant};
use libc::SIGTERM;
use manager::{Manager, with_socket};
use signoff::{Blocking, Hooks, InFlight, ShutdownSignal, systemd};

const SECOND: Duration = Duration::from_secs(1);

/// The number after this name, which ends the message.
fn number(message: &str, name: &str) -> u64 {
    let (_, number) = message.split_once(name).unwrap_or_else(|| panic!("no {name}: {message}"));
    number.parse().unwrap_or_else(|error| panic!("{error}: {message}"))
}

fn micros(time: Duration) -> u64 {
    time.as_micros().try_into().unwrap()
}

cases! {
    every_message_arrives_in_order: |case| {
        for manager in [Manager::with_path("order"), Manager::abstract_one("order")] {
            let before = micros(system::monotonic());
            let child = manager.start(case);
            child.expect("ready");
            manager.expect("STATUS=reading the configuration");
            manager.expect("READY=1");
            let reloading = manager.message();
            assert!(reloading.starts_with("RELOADING=1\nMONOTONIC_USEC="), "{reloading}");
            let at = number(&reloading, "MONOTONIC_USEC=");
            assert!(before <= at && at <= micros(system::monotonic()), "{before}, {at}");
            manager.expect("READY=1");

            child.kill(SIGTERM);
            let stopping = manager.message();
            let from = format!("STOPPING=1\nSTATUS=stopping: SIGTERM from pid {} ", process::id());
            assert!(stopping.starts_with(&from), "{stopping}");
            let granted = number(&stopping, "\nEXTEND_TIMEOUT_USEC=");
            assert!(granted <= micros(2 * BOUND + SECOND / 2), "not more than the budget: {granted}");
            assert!(granted >= micros(BOUND), "the budget: {granted}");

            manager.expect("STATUS=waiting for cache");
            manager.expect("STATUS=waiting for queue");
            let running = manager.message();
            assert!(running.starts_with("STATUS=waiting for queue ("), "{running}");
            assert!(running.contains("; in flight: job 7 ("), "{running}");
            let left = number(&running, "))\nEXTEND_TIMEOUT_USEC=");
            assert!(left + 900_000 <= granted, "the same end as before: {left} of {granted}");
            let mut last = manager.message();
            while last.starts_with("STATUS=waiting for queue (") {
                last = manager.message();
            }
            assert!(last.starts_with("STATUS=2 of 2 hooks done in "), "{last}");
            assert!(!last.contains('\n'), "{last}");
            child.expect("done");
            child.exits_with(0);
            manager.expect_nothing();
        }
    }, || {
        systemd::status("reading\nthe configuration");
        let shutdown = ShutdownSignal::listen(Blocking).unwrap();
        systemd::ready();
        systemd::reloading();
        systemd::ready();
        let jobs = InFlight::new();
        let (drained, job) = (jobs.drained(), jobs.enter("job 7"));
        let (observer, ticks) = ticks();
        let hooks = Hooks::new().budget(2 * BOUND).hook("cache", async || {});
        let hooks = hooks.then().hook("queue", || drained).observe(systemd::observer());
        let guard = hooks
            .observe(observer)
            .exit_on(shutdown.clone())
            .quiet()
            .start()
            .unwrap();
        say("ready");
        // A second after the first tick, the other observer has sent its first one.
        (0..2).for_each(|_| ticks.recv().unwrap());
        say("done");
        drop(job);
        guard.join();
    };

    the_other_hooks_of_a_stage_stay_in_the_status: |case| {
        let manager = Manager::with_path("stage");
        let child = manager.start(case);
        assert!(manager.message().starts_with("STOPPING=1\nSTATUS=stopping: request: enough"));
        let mut messages = [manager.message(), manager.message(), manager.message()];
        assert_eq!(messages[2], "STATUS=waiting for hangs");
        messages[..2].sort();
        // They start in any order.
        assert!(messages[0].starts_with("STATUS=waiting for "), "{messages:?}");
        assert!(messages.iter().any(|line| line.contains(", ")), "{messages:?}");
        let ended = manager.message();
        assert!(ended.starts_with("STATUS=1 of 2 hooks done in "), "{ended}");
        child.exits_with(1);
    }, || {
        let (started, waits) = mpsc::channel();
        let hooks = Hooks::new()
            .hook("hangs", async move || {
                let _ = started.send(());
                pending::<()>().await;
            })
            .within(SECOND / 2)
            .blocking("waits", move || waits.recv())
            .observe(systemd::observer());
        let shutdown = ShutdownSignal::manual();
        shutdown.request("enough");
        hooks.exit_on(shutdown).quiet().start().unwrap().join();
    };

    without_a_limit_no_time_is_asked_for: |case| {
        let manager = Manager::with_path("limit");
        let child = manager.start(case);
        manager.expect("STOPPING=1\nSTATUS=stopping");
        manager.expect("STATUS=waiting for cache");
        let ended = manager.message();
        assert!(ended.starts_with("STATUS=1 of 1 hooks done in "), "{ended}");
        child.passes();
    }, || {
        let hooks = Hooks::new().budget(Duration::MAX).hook("cache", async || {});
        let _ = hooks.observe(systemd::observer()).run_blocking();
    };

    // The queue of a socket holds a few messages, 10 by default. A send that waits would never end.
    a_socket_that_is_not_read_never_blocks: |case| {
        let manager = Manager::with_path("full");
        manager.start(case).passes();
        manager.expect("STATUS=line 0");
    }, || {
        (0..10_000).for_each(|line| systemd::status(&format!("line {line}")));
        stop();
    };

    without_a_socket_nothing_happens: |case| {
        case.under(&["env", "-u", "NOTIFY_SOCKET"]).start().passes();
        for name in ["", "@", "/", "/does/not/exist", "vsock:2:1234", "relative", "/a\u{1}b"] {
            with_socket(case, name).start().passes();
        }
        with_socket(case, &format!("/{}", "long".repeat(100))).start().passes();
    }, stop;
}

/// All that can be sent.
fn stop() {
    assert!(variant().is_some(), "a child");
    systemd::ready();
    systemd::reloading();
    systemd::status("works");
    let hooks = Hooks::new().hook("cache", async || {}).observe(systemd::observer());
    assert!(hooks.run_blocking().is_clean());
}
