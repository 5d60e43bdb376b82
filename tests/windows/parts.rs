//! A shutdown of one part of the program.

use super::*;

cases! {
    an_event_reaches_every_child: |case| for backend in BACKENDS {
        case.passes(backend);
    }, || {
        let runtime = runtime();
        let shutdown = listen_on(&variant(), &runtime);
        let children = [shutdown.child(), shutdown.child().child()];
        let replaced = shutdown.child();
        let task = runtime.spawn(children[1].clone());
        thread::scope(|scope| {
            let waits = scope.spawn(|| children[0].wait().to_string());
            replaced.request("replaced");
            assert!(!shutdown.is_requested());
            raise(CTRL_BREAK);
            assert_eq!(waits.join().expect("no panic"), "CTRL_BREAK");
        });
        runtime.block_on(task).expect("no panic");
        assert_eq!(replaced.wait().to_string(), "request: replaced");
    };

    a_vital_task_that_panics: |case| case.passes("tokio"), || {
        let runtime = runtime();
        let shutdown = listen_on("tokio", &runtime);
        std::panic::set_hook(Box::new(|_| ()));
        let guard = shutdown.request_on_drop("consumer");
        drop(runtime.spawn(async move {
            let _guard = guard;
            panic!("a bug");
        }));
        assert_eq!(shutdown.wait().to_string(), "request: consumer panicked");
    };
}
