//! Promises 1 to 3: never lost, latched, anywhere.

use futures_lite::future;

use super::*;

/// The child of a case that is over with the signal.
fn resolve() {
    let runtime = runtime();
    let shutdown = listen_on(&variant(), &runtime);
    say("ready");
    runtime.block_on(shutdown.clone());
    say(shutdown.reason().expect("it is requested"));
    future::block_on(shutdown.clone()); // a late clone, on another executor
    until_told();
}

cases! {
    every_event_resolves_every_clone: |case| each_event(case, |case, backend, event| {
        let child = case.ready(backend);
        let delivery = child.send(event);
        child.expect(name_of(event));
        // After close, logoff and shutdown Windows ends the process when the handler returns.
        let time = if is_kept(event) { KEPT } else { BOUND };
        assert_eq!(delivery.ends_within(time), !is_kept(event), "{}", name_of(event));
        child.passes();
    }), resolve;

    a_signal_before_the_first_poll_is_not_lost: |case| for backend in BACKENDS {
        case.passes(backend);
    }, || {
        let runtime = runtime();
        let shutdown = listen_on(&variant(), &runtime);
        raise(CTRL_BREAK);
        assert!(shutdown.is_requested());
        runtime.block_on(shutdown);
    };

    a_blocked_runtime_and_one_that_is_gone: |case| for backend in BACKENDS {
        case.passes(backend);
    }, || {
        let runtime = runtime();
        let shutdown = listen_on(&variant(), &runtime);
        let task = runtime.spawn(shutdown.clone());
        runtime.block_on(async {
            raise(CTRL_C); // blocks
            assert!(shutdown.is_requested());
            task.await.expect("no panic");
        });
        drop(runtime);
        shutdown.wait();
        future::block_on(shutdown);
    };

    threads_and_channels_wake: |case| case.passes("blocking"), || {
        let shutdown = listen();
        thread::scope(|scope| {
            let waits = [
                scope.spawn(|| shutdown.wait().to_string()),
                scope.spawn(|| shutdown.wait_timeout(BOUND).expect("in time").to_string()),
            ];
            let receiver = shutdown.channel();
            assert_eq!(shutdown.wait_timeout(Duration::from_millis(1)), None);
            raise(CTRL_BREAK);
            assert!(receiver.recv_timeout(BOUND).is_err_and(|error| error == crossbeam_channel::RecvTimeoutError::Disconnected));
            for wait in waits {
                assert_eq!(wait.join().expect("no panic"), "CTRL_BREAK");
            }
        });
    };

    receivers_outlive_every_clone: |case| case.passes("blocking"), || {
        let stop = listen().channel();
        raise(CTRL_BREAK); // drops the last clone in the handler
        assert!(stop.recv().is_err());
    };

    several_listeners_all_get_it: |case| case.passes("all"), || {
        let runtime = runtime();
        let all = BACKENDS.map(|backend| listen_on(backend, &runtime));
        let dropped = listen_on("blocking", &runtime);
        drop(dropped);
        raise(CTRL_C);
        for shutdown in all {
            assert!(shutdown.is_requested());
            runtime.block_on(shutdown);
        }
    };

    a_request_wakes_threads_and_tasks: |case| for backend in BACKENDS {
        case.passes(backend);
    }, || {
        let runtime = runtime();
        let shutdown = listen_on(&variant(), &runtime);
        let task = runtime.spawn(shutdown.clone());
        thread::scope(|scope| {
            let waits = scope.spawn(|| shutdown.wait());
            assert!(shutdown.request("enough"));
            assert_eq!(waits.join().expect("no panic").to_string(), "request: enough");
        });
        runtime.block_on(task).expect("no panic");
    };
}
