//! The threads of `exit_on`: how many there are, and what stops if one of them does.
#![cfg(all(target_os = "linux", target_env = "gnu"))]
#![allow(unsafe_code, reason = "it counts the threads that the process starts")]

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use common::{BOUND, block, cases, linux, say, say_outcomes, system, variant};
use futures_lite::future::block_on;
use libc::SIGTERM;
use signoff::hooks::Event;
use signoff::{Blocking, Hooks, ShutdownSignal};
use tokio::task::JoinSet;

const MS: Duration = Duration::from_millis(1);

cases! {
    // The other task of the set, the next hook and the next stage do not run on its thread.
    a_spawned_task_that_blocks_stops_no_other_hook: |case| {
        let child = case.ready();
        child.kill(SIGTERM);
        let mut lines = [child.line(), child.line()];
        lines.sort_unstable();
        assert_eq!(lines, ["beside it", "next stage"]);
        child.expect("beside it: done");
        child.expect("next stage: done");
        child.exits_with(1);
    }, || {
        let shutdown = ShutdownSignal::listen(Blocking).unwrap();
        let tasks = async || {
            let mut tasks = JoinSet::new();
            tasks.spawn(async { block() });
            tasks.spawn(async {});
            while tasks.join_next().await.is_some() {}
        };
        let exit_on = Hooks::new()
            .budget(600 * MS)
            .hook("tasks", tasks)
            .hook("beside it", async || say("beside it"))
            .then()
            .hook("next stage", async || say("next stage"))
            .exit_on(shutdown);
        // Whether the hook "tasks" can still be dropped at its deadline is up to tokio.
        let exit_on = exit_on.on_report(|report| {
            let others = report.hooks().iter().filter(|hook| hook.name() != "tasks");
            others.for_each(|hook| say(format_args!("{}: {}", hook.name(), hook.outcome())));
        });
        let _guard = exit_on.start().unwrap();
        say("ready");
        block();
    };

    // Its end must not depend on a thread that gets the processor in time.
    a_delay_is_done_even_if_the_thread_of_its_hook_is_starved: |case| {
        let child = case.ready();
        child.kill(SIGTERM);
        for line in ["keep serving: done", "database: done"] {
            child.expect(line);
        }
        child.exits_with(0);
    }, || {
        let shutdown = ShutdownSignal::listen(Blocking).unwrap();
        let starve = |event: &Event| {
            if matches!(event, Event::HookStarted(hook) if hook.name() == "keep serving") {
                system::stay_on_one_processor();
                thread::sleep(50 * MS); // it may still be on its way to its wait
                linux::starve_named("signoff-hook");
                (0..4).for_each(|_| drop(thread::spawn(|| loop { std::hint::spin_loop() })));
            }
        };
        let hooks = Hooks::new().budget(BOUND).keep_serving(400 * MS);
        let hooks = hooks.hook("database", async || {}).observe(starve);
        let exit_on = hooks.exit_on(shutdown).on_report(|report| say_outcomes(&report));
        let _guard = exit_on.start().unwrap();
        say("ready");
        block();
    };

    // A thread for each hook, one for the runtime, one for the report.
    a_hook_starts_one_thread: |case| {
        for (variant, at_most) in [("1", 3), ("10", 12), ("1, each in a stage of its own", 5)] {
            let child = case.variant(variant).start();
            let line = child.line();
            let started: usize = line.parse().expect(&line);
            assert!(started <= at_most, "{started} threads for the hooks: {variant}");
            child.exits_with(0);
        }
    }, || {
        system::stay_on_one_processor(); // a new thread does not run at once
        let shutdown = ShutdownSignal::manual();
        let hook = async || thread::sleep(MS);
        let hooks = match variant().unwrap().as_str() {
            "1" => Hooks::new().hook("one", hook),
            "10" => (0..10).fold(Hooks::new(), |hooks, number| hooks.hook(number.to_string(), hook)),
            _ => (0..3).fold(Hooks::new(), |hooks, number| hooks.hook(number.to_string(), hook).then()),
        };
        let exit_on = hooks.budget(BOUND).exit_on(shutdown.clone());
        let guard = exit_on.on_report(|_| say(STARTED.load(Ordering::SeqCst))).start().unwrap();
        STARTED.store(0, Ordering::SeqCst);
        shutdown.request("enough");
        guard.join();
    };

    // One for the hook, one for its deadline.
    a_blocking_hook_starts_one_thread: |case| {
        case.start().passes();
    }, || {
        system::stay_on_one_processor();
        let hooks = Hooks::new().budget(BOUND).blocking("one", || thread::sleep(MS));
        STARTED.store(0, Ordering::SeqCst);
        assert!(block_on(hooks.run()).is_clean());
        let started = STARTED.load(Ordering::SeqCst);
        assert!(started <= 2, "{started} threads for one hook");
    };
}

/// The threads that this process has started.
static STARTED: AtomicUsize = AtomicUsize::new(0);

type PthreadCreate = unsafe extern "C" fn(
    *mut libc::pthread_t,
    *const libc::pthread_attr_t,
    extern "C" fn(*mut libc::c_void) -> *mut libc::c_void,
    *mut libc::c_void,
) -> libc::c_int;

/// Counts, and starts the thread. The standard library calls this one, because a symbol of the
/// program comes before those of the libraries.
#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_create(
    thread: *mut libc::pthread_t,
    attributes: *const libc::pthread_attr_t,
    start: extern "C" fn(*mut libc::c_void) -> *mut libc::c_void,
    argument: *mut libc::c_void,
) -> libc::c_int {
    STARTED.fetch_add(1, Ordering::SeqCst);
    // SAFETY: the next function of this name is the system's, which has this type.
    let system: PthreadCreate =
        unsafe { std::mem::transmute(libc::dlsym(libc::RTLD_NEXT, c"pthread_create".as_ptr())) };
    // SAFETY: as the caller promises.
    unsafe { system(thread, attributes, start, argument) }
}
