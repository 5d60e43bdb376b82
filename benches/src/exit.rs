//! From SIGTERM to the end of the process, with ten cleanups that have nothing to do.

use std::io::{BufRead, BufReader};
use std::time::Duration;

use signoff::{Hooks, ShutdownSignal};

use crate::first_signal::start;
use crate::machine::{self, now};
use crate::stats::{Shuffle, median, ratio, short, table};
use crate::waiters::{Child, current_thread, terminate};

const ROUNDS: usize = 40;
const HOOKS: usize = 10;
const BUDGET: Duration = Duration::from_secs(10);

type Contender = (&'static str, fn(Child));

const CONTENDERS: &[Contender] = &[
    ("limit: the default action", |c| {
        c.ready();
        std::thread::park();
    }),
    ("limit: tokio::signal, ten tasks in a JoinSet", |c| {
        current_thread().block_on(async {
            let mut terminate = terminate();
            c.ready();
            terminate.recv().await;
            let mut tasks = tokio::task::JoinSet::new();
            (0..HOOKS).for_each(|_| _ = tasks.spawn(async {}));
            while tasks.join_next().await.is_some() {}
        });
    }),
    ("**signoff, tokio, run()**", |c| {
        current_thread().block_on(async {
            let shutdown = ShutdownSignal::listen(signoff::Tokio).unwrap();
            c.ready();
            (&shutdown).await;
            let _ = hooks().run().await;
        });
    }),
    ("**signoff, blocking, run_blocking()**", |c| {
        let shutdown = ShutdownSignal::listen(signoff::Blocking).unwrap();
        c.ready();
        shutdown.wait();
        let _ = hooks().run_blocking();
    }),
    ("**signoff, exit_on()**", |c| {
        let shutdown = ShutdownSignal::listen(signoff::Blocking).unwrap();
        let _guard = hooks().exit_on(shutdown).start().unwrap();
        c.ready();
        loop {
            std::thread::park();
        }
    }),
    ("signal-mod", |c| {
        current_thread().block_on(async {
            let mut builder = signal_mod::Coordinator::builder();
            for hook in 0..HOOKS {
                let hook = signal_mod::hook_from_fn(format!("hook {hook}"), 0, |_| ());
                builder = builder.hook(hook);
            }
            let coordinator = builder.build();
            coordinator.install().unwrap();
            tokio::task::yield_now().await;
            c.ready();
            let token = coordinator.token();
            token.wait().await;
            let reason = token.reason().unwrap_or(signal_mod::ShutdownReason::Requested);
            coordinator.run_hooks_async(reason).await;
        });
    }),
    ("tokio-graceful-shutdown", |c| {
        use tokio_graceful_shutdown::{SubsystemBuilder, SubsystemHandle, Toplevel};
        current_thread().block_on(async {
            let wait = async |subsystem: &mut SubsystemHandle| {
                subsystem.on_shutdown_requested().await;
                Ok::<(), std::io::Error>(())
            };
            let top = Toplevel::new(async move |top: &mut SubsystemHandle| {
                for subsystem in 0..HOOKS {
                    top.start(SubsystemBuilder::new(format!("hook {subsystem}"), wait));
                }
                tokio::task::yield_now().await;
                c.ready();
            });
            let _ = top.catch_signals().handle_shutdown_requests(BUDGET).await;
        });
    }),
];

fn hooks() -> Hooks {
    (0..HOOKS)
        .fold(Hooks::new().budget(BUDGET), |hooks, n| hooks.hook(format!("hook {n}"), async || {}))
}

pub fn child(contender: &str) {
    let (_, run) = CONTENDERS.iter().find(|(name, _)| *name == contender).expect("a contender");
    run(Child);
}

pub fn print() {
    let mut times = vec![Vec::new(); CONTENDERS.len()];
    let mut shuffle = Shuffle::new();
    for _ in 0..ROUNDS {
        for contender in shuffle.order(CONTENDERS.len()) {
            times[contender].extend(measure(CONTENDERS[contender].0));
        }
    }
    let medians: Vec<f64> = times.iter_mut().map(|times| median(times)).collect();
    let rows: Vec<Vec<String>> = CONTENDERS
        .iter()
        .zip(&medians)
        .map(|((name, _), time)| {
            vec![(*name).into(), short(time / 1000.0), ratio(*time, medians[1])]
        })
        .collect();
    let head = ["SIGTERM → the process is gone, µs", "median", "over the JoinSet"];
    table("The end of a process with ten empty hooks", &head, &rows);
}

/// Nanoseconds from the signal to the end of the process.
fn measure(contender: &str) -> Option<f64> {
    let mut process = start("exit", contender);
    let mut lines = BufReader::new(process.stdout.take()?).lines();
    lines.next()?.ok()?;
    while !machine::sleeps(process.id()) {
        std::thread::sleep(Duration::from_micros(500));
    }
    std::thread::sleep(Duration::from_millis(4));
    let sent = now();
    machine::kill(process.id(), libc::SIGTERM);
    process.wait().ok()?;
    Some((now() - sent) as f64)
}
