//! Under `exit_on` the process is gone half a second after its budget, no matter what blocks.
#![cfg(target_os = "linux")]

mod common;

use std::future::pending;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};
use std::{hint, io, thread};

use common::system::{full_pipe, replace};
use common::{Case, Child, at_once, block, cases, say, variant};
use libc::{SIGCONT, SIGSTOP, SIGTERM};
use signoff::hooks::Event;
use signoff::{Blocking, Hooks, ShutdownSignal};

/// The process is gone so long after its budget.
const PROMISE: Duration = Duration::from_millis(500);
/// The scheduler of a busy machine may be so late, but not in each of five attempts.
const SLACK: Duration = Duration::from_millis(100);
/// It is never so late.
const MOST: Duration = Duration::from_secs(5);

/// A line says what the process waits for after a second, so one budget is longer than that.
const BUDGETS: [u64; 2] = [300, 1200];

const FAULTS: [&str; 10] = [
    "an async hook hangs",
    "an async hook blocks",
    "a blocking hook blocks",
    "a drop blocks",
    "spawned tasks block",
    "main blocks",
    "an observer blocks",
    "exit_with blocks",
    "on_report blocks",
    "standard error is full",
];

cases! {
    each_fault: |case| at_once(with_budgets(&FAULTS), |variant| {
        is_gone_in_time(&case.variant(&variant), |_| None);
    }), || program(1);

    all_faults_in_eight_stages: |case| at_once(with_budgets(&["all"]), |variant| {
        is_gone_in_time(&case.variant(&variant), |_| None);
    }), || program(8);

    // One after the other, because they keep the machine busy.
    beside_four_busy_loops: |case| {
        for fault in ["an async hook blocks", "spawned tasks block", "on_report blocks", "all"] {
            is_gone_in_time(&case.variant(&format!("{fault}, 1200")), |_| None);
        }
    }, || {
        (0..4).for_each(|_| drop(thread::spawn(|| loop { hint::spin_loop() })));
        program(8);
    };

    // The half second counts from SIGCONT.
    after_a_stop_for_longer_than_the_budget: |case| {
        at_once(with_budgets(&["an async hook hangs", "all"]), |variant| {
            is_gone_in_time(&case.variant(&variant), |child| {
                child.expect("begun");
                child.kill(SIGSTOP);
                thread::sleep(2 * budget_of(&variant));
                child.kill(SIGCONT);
                Some(Instant::now())
            });
        });
    }, || program(8);

    // Each stage has three milliseconds, and its thread some more to drop the hook.
    what_has_not_started_by_then_is_not_started: |case| {
        is_gone_in_time(&case.variant("100 hooks, 300"), |child| {
            child.expect("begun");
            child.expect("done, abandoned, not started");
            None
        });
    }, || {
        let shutdown = ShutdownSignal::listen(Blocking).unwrap();
        let stage = |hooks: Hooks, number: usize| {
            hooks.then().hook(number.to_string(), async || block())
        };
        let hooks = (0..100).fold(begins(), stage);
        let exit_on = hooks.exit_on(shutdown).quiet().on_report(|report| {
            let outcomes = report.hooks().iter().map(|hook| hook.outcome().to_string());
            let mut outcomes: Vec<_> = outcomes.collect();
            outcomes.dedup();
            say(outcomes.join(", "));
        });
        let _guard = exit_on.start().unwrap();
        say("ready");
        block();
    };
}

#[cfg(feature = "tracing")]
mod subscriber {
    use tracing::Subscriber;
    use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

    use super::*;

    struct Blocks;

    impl<S: Subscriber> Layer<S> for Blocks {
        fn on_event(&self, _: &tracing::Event<'_>, _: Context<'_, S>) {
            block();
        }
    }

    cases! {
        a_subscriber_blocks: |case| at_once(with_budgets(&FAULTS), |variant| {
            is_gone_in_time(&case.variant(&variant), |_| None);
        }), || {
            let subscriber = tracing_subscriber::registry().with(Blocks);
            tracing::subscriber::set_global_default(subscriber).unwrap();
            program(1);
        };
    }
}

/// Each fault with each budget.
fn with_budgets(faults: &[&str]) -> Vec<String> {
    let both = |fault: &&str| BUDGETS.map(|budget| format!("{fault}, {budget}"));
    faults.iter().flat_map(both).collect()
}

fn budget_of(variant: &str) -> Duration {
    let (_, budget) = variant.split_once(", ").unwrap();
    Duration::from_millis(budget.parse().unwrap())
}

/// `after_signal` may return when the process goes on. Else the time counts from the end of the budget.
fn is_gone_in_time(case: &Case, after_signal: impl Fn(&Child) -> Option<Instant>) {
    let attempt = || {
        let child = case.ready();
        let end = Instant::now() + budget_of(case.variant_name());
        child.kill(SIGTERM);
        let end = after_signal(&child).unwrap_or(end);
        let ended = child.ends_with_output();
        let late = end.elapsed();
        assert_eq!(ended.status.code(), Some(1), "{}: {ended:?}", case.variant_name());
        assert!(late < PROMISE + MOST, "{}: {late:?}", case.variant_name());
        late
    };
    let late: Vec<_> =
        (0..5).map(|_| attempt()).take_while(|late| *late > PROMISE + SLACK).collect();
    assert!(late.len() < 5, "{}: so long after the budget: {late:?}", case.variant_name());
}

/// The budget and the first hook.
fn begins() -> Hooks {
    let budget = budget_of(&variant().unwrap());
    Hooks::new().budget(budget).hook("begins", async || say("begun"))
}

fn program(stages: usize) {
    let variant = variant().unwrap();
    let (fault, _) = variant.split_once(", ").unwrap();
    let faults = if fault == "all" { FAULTS.to_vec() } else { vec![fault] };
    let has = |fault| faults.contains(&fault);

    let shutdown = ShutdownSignal::listen(Blocking).unwrap();
    let stage = |hooks: Hooks, _| {
        let hooks = faults.iter().fold(hooks.then(), |hooks, fault| add(hooks, fault));
        hooks.hook("fails", async || Err::<(), _>("on purpose"))
    };
    let hooks = (0..stages).fold(begins(), stage);
    let mut exit_on = hooks.exit_on(shutdown);
    if has("exit_with blocks") {
        exit_on = exit_on.exit_with(|_| block());
    }
    if has("on_report blocks") {
        exit_on = exit_on.on_report(|_| block());
    }
    if has("standard error is full") {
        replace(io::stderr().as_fd(), &full_pipe());
    }
    if has("main blocks") {
        exit_on
            .run_blocking(|| -> () {
                say("ready");
                block()
            })
            .unwrap();
    } else {
        let _guard = exit_on.start().unwrap();
        say("ready");
        block();
    }
}

fn add(hooks: Hooks, fault: &str) -> Hooks {
    match fault {
        "an async hook hangs" => hooks.hook(fault, pending::<()>),
        "an async hook blocks" => hooks.hook(fault, async || block()),
        "a blocking hook blocks" => hooks.blocking(fault, || block()),
        "a drop blocks" => hooks.hook(fault, || async {
            let _blocks = BlocksWhenDropped;
            pending::<()>().await;
        }),
        "spawned tasks block" => hooks.hook(fault, async || {
            (0..3).for_each(|_| drop(tokio::spawn(async { block() })));
            tokio::task::yield_now().await;
            pending::<()>().await;
        }),
        "an observer blocks" => hooks.observe(|_: &Event| block()),
        _ => hooks,
    }
}

struct BlocksWhenDropped;

impl Drop for BlocksWhenDropped {
    fn drop(&mut self) {
        block();
    }
}
