//! `exit_on`: hooks, and the exit status.

use signoff::Exit;
use signoff::Hooks;

use super::*;
use crate::system::CONTROL_C_EXIT;

cases! {
    hooks_run_and_the_process_exits: |case| each_event(case, |case, backend, event| {
        let child = case.ready(backend);
        child.send(event);
        for line in ["flush", "close", "clean: true"] {
            child.expect(line);
        }
        child.exits_with(0);
    }), || {
        let runtime = runtime();
        let shutdown = listen_on(&variant(), &runtime);
        let guard = Hooks::new()
            .budget(Duration::from_secs(4))
            .hook("flush", async || {
                tokio::time::sleep(Duration::from_millis(5)).await;
                say("flush");
            })
            .then()
            .blocking("close", || say("close"))
            .exit_on(shutdown.clone())
            .on_report(|report| say(format_args!("clean: {}", report.is_clean())))
            .start()
            .expect("threads");
        say("ready");
        shutdown.wait();
        guard.join();
    };

    the_program_drains_before_the_hooks: |case| for event in [CTRL_C, CTRL_CLOSE] {
        let child = case.ready("run");
        child.send(event);
        for line in ["drained", "hook", "main done database done"] {
            child.expect(line);
        }
        child.exits_with(0);
    }, || {
        let runtime = runtime();
        let shutdown = listen_on("tokio", &runtime);
        let (drain, cut) = (shutdown.clone(), ShutdownSignal::manual());
        let exit_on = Hooks::new()
            .budget(Duration::from_secs(4))
            .hook("database", async || say("hook"))
            .exit_on(shutdown)
            .request_before_deadline(&cut, Duration::from_secs(3))
            .on_report(|report| {
                let hooks = report.hooks().iter();
                let hooks = hooks.map(|hook| format!("{} {}", hook.name(), hook.outcome()));
                say(hooks.collect::<Vec<_>>().join(" "));
            });
        let program = async {
            say("ready");
            drain.await;
            cut.await;
            say("drained");
        };
        let ended = runtime.block_on(exit_on.run(program));
        panic!("the process exits before: {ended:?}");
    };

    a_hook_that_hangs_is_abandoned: |case| {
        let child = case.ready("hang");
        child.send(CTRL_CLOSE);
        child.exits_with(1);
    }, || {
        let shutdown = listen();
        let _guard = Hooks::new()
            .budget(Duration::from_millis(50))
            .blocking("hangs", || stuck())
            .hook("hangs too", async || stuck())
            .exit_on(shutdown)
            .start()
            .expect("threads");
        say("ready");
        stuck()
    };

    exit_by_signal_is_the_status_of_ctrl_c: |case| {
        let child = case.ready("signal");
        child.send(CTRL_BREAK);
        child.exits_with(CONTROL_C_EXIT);
    }, || {
        let hooks = Hooks::new().exit_on(listen()).exit(Exit::Signal);
        let _guard = hooks.start().expect("threads");
        say("ready");
        stuck()
    };
}
