//! Each thing that goes wrong, with each way to exit, as process 1 and as another one.
//!
//! Each combination runs once, one process for each. `SIGNOFF_REPEAT=16` makes that more than a
//! thousand processes, and then also looks at the median of what they take beyond the budget, which
//! only says something on a machine that has nothing else to do.

use std::fs::File;
use std::future::pending;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::time::{Duration, Instant};
use std::{env, fmt, process, thread};

use libc::SIGTERM;
use signoff::hooks::ExitGuard;
use signoff::{Exit, Hooks, Report, ShutdownSignal, Tokio};
use tokio::runtime::Builder;

use super::common::system::{closed_pipe, full_pipe, replace};
use super::common::{BOUND, Case, block, say, silence_panics, variant};

/// Of a combination that uses all of it. A third is for the last hook.
const MATRIX_BUDGET: Duration = Duration::from_millis(750);
/// In the median, on an idle machine. A hook that blocks its thread is given up after a twentieth of
/// the budget.
const MEDIAN: Duration = Duration::from_millis(50);

/// All of them, six at a time.
pub(crate) fn hold(case: &Case) {
    let beyond = Mutex::new(Vec::new());
    let combinations = Mutex::new(combinations());
    let next = || combinations.lock().unwrap().next();
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                while let Some(one) = next() {
                    let time = one.holds(case);
                    beyond.lock().unwrap().extend(time);
                }
            });
        }
    });
    median_holds(&beyond.into_inner().unwrap());
}

/// What goes wrong, or is wrong already.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    Idle,
    WorkersBlocked,
    CurrentThreadBlocked,
    RuntimeDropped,
    HungHook,
    HungBlockingHook,
    HookBlocksItsThread,
    PanickingHook,
    FailingHook,
    ClosedError,
    FullOutput,
}

const FAULTS: [Fault; 11] = [
    Fault::Idle,
    Fault::WorkersBlocked,
    Fault::CurrentThreadBlocked,
    Fault::RuntimeDropped,
    Fault::HungHook,
    Fault::HungBlockingHook,
    Fault::HookBlocksItsThread,
    Fault::PanickingHook,
    Fault::FailingHook,
    Fault::ClosedError,
    Fault::FullOutput,
];

const EXITS: [Exit; 3] = [Exit::Status, Exit::Signal, Exit::Code(7)];

#[derive(Clone, Copy)]
pub(crate) struct Combination {
    fault: Fault,
    exit: Exit,
    is_first: bool,
}

fn combinations() -> impl Iterator<Item = Combination> {
    let repeat = repeat().unwrap_or(1);
    (0..repeat).flat_map(|_| FAULTS).flat_map(|fault| EXITS.map(|exit| (fault, exit))).flat_map(
        |(fault, exit)| [false, true].map(|is_first| Combination { fault, exit, is_first }),
    )
}

fn repeat() -> Option<usize> {
    env::var("SIGNOFF_REPEAT").ok()?.parse().ok()
}

impl fmt::Display for Combination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?} {}", self.fault, self.exit, self.is_first)
    }
}

impl Combination {
    /// In the parent. What it took beyond the budget, where the hooks use all of that.
    fn holds(self, case: &Case) -> Option<(Fault, Duration)> {
        let case = case.variant(&self.to_string());
        // A busy machine may have no time for the last hook in its third, but not every time.
        for attempt in 1.. {
            let child = if self.is_first { case.start_as_first()? } else { case.start() };
            child.expect("ready");
            let start = Instant::now();
            child.kill(SIGTERM);
            let line = child.line();
            let ended = child.ends();
            let took = start.elapsed();
            assert_eq!(shown(ended.status), self.status(), "{self}: {ended:?}");
            assert!(took < BOUND / 2, "{self}: {took:?}");
            if line == "last hook" {
                let beyond = took.saturating_sub(MATRIX_BUDGET);
                return uses_the_budget(self.fault).then_some((self.fault, beyond));
            }
            assert!(attempt < 5 && uses_the_budget(self.fault), "{self}: {line}, {ended:?}");
        }
        None
    }

    /// One that is not used up is never short.
    fn budget(self) -> Duration {
        if uses_the_budget(self.fault) { MATRIX_BUDGET } else { BOUND }
    }

    fn status(self) -> String {
        let is_clean = matches!(
            self.fault,
            Fault::Idle
                | Fault::WorkersBlocked
                | Fault::CurrentThreadBlocked
                | Fault::RuntimeDropped
                | Fault::ClosedError
                | Fault::FullOutput
        );
        match self.exit {
            Exit::Status => format!("exit {}", i32::from(!is_clean)),
            Exit::Signal if self.is_first => format!("exit {}", 128 + SIGTERM),
            Exit::Signal => format!("signal {SIGTERM}"),
            Exit::Code(code) => format!("exit {code}"),
            _ => unreachable!("no other is in the matrix"),
        }
    }

    pub(crate) fn parse(variant: &str) -> Self {
        let fits = |combination: &Self| combination.to_string() == variant;
        combinations().find(fits).expect("one of them")
    }

    /// In the child.
    pub(crate) fn child(self) {
        silence_panics();
        if self.is_first {
            say("started");
        }
        let multi = || Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        match self.fault {
            Fault::WorkersBlocked => {
                let everybody = Arc::new(Barrier::new(3));
                let runtime = multi();
                for _ in 0..2 {
                    let everybody = Arc::clone(&everybody);
                    let (blocks, is_blocked) = mpsc::channel();
                    runtime.spawn(async move {
                        blocks.send(()).unwrap();
                        everybody.wait();
                        thread::sleep(BOUND);
                    });
                    is_blocked.recv().unwrap(); // else one worker might take both tasks
                }
                runtime.block_on(async {
                    let _guard = self.arm();
                    everybody.wait();
                    say("ready");
                    thread::sleep(BOUND);
                });
            }
            Fault::CurrentThreadBlocked => {
                Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
                    let _guard = self.arm();
                    say("ready");
                    thread::sleep(BOUND);
                });
            }
            Fault::RuntimeDropped => {
                let _guard = multi().block_on(async { self.arm() });
                say("ready");
                block();
            }
            _ => multi().block_on(async {
                let _guard = self.arm();
                say("ready");
                self.spoil();
                pending::<()>().await;
            }),
        }
    }

    fn arm(self) -> ExitGuard {
        let shutdown = ShutdownSignal::listen(Tokio).unwrap();
        let out = io::stdout().as_fd().try_clone_to_owned().unwrap();
        let last = async move || {
            tokio::time::sleep(Duration::from_millis(1)).await; // a timer that works
            File::from(out).write_all(b"\n@last hook\n").unwrap();
        };
        let hooks = self.add_fault(Hooks::new().budget(self.budget())).then().hook("last", last);
        self.add_fault(hooks.then())
            .exit_on(shutdown)
            .on_report(|report| report.eprint_where_it_is_closed())
            .exit(self.exit)
            .start()
            .unwrap()
    }

    fn add_fault(self, hooks: Hooks) -> Hooks {
        match self.fault {
            Fault::HungHook => hooks.hook("hangs", pending::<()>),
            Fault::HungBlockingHook => hooks.blocking("hangs", block),
            Fault::HookBlocksItsThread => hooks.hook("blocks", async || block()),
            Fault::PanickingHook => hooks.hook("panics", async || panic("on purpose")),
            Fault::FailingHook => hooks.hook("fails", async || Err::<(), _>("on purpose")),
            _ => hooks.hook("works", async || {}),
        }
    }

    /// Spoils the descriptors of this process.
    fn spoil(self) {
        match self.fault {
            Fault::ClosedError => replace(io::stderr().as_fd(), &closed_pipe()),
            Fault::FullOutput => {
                replace(io::stdout().as_fd(), &full_pipe());
                print!("what nobody will ever read");
            }
            _ => {}
        }
    }
}

fn panic(message: &str) {
    panic!("{message}");
}

trait Eprint {
    fn eprint_where_it_is_closed(&self);
}

impl Eprint for Report {
    /// Everywhere else the harness wants standard error to be empty.
    fn eprint_where_it_is_closed(&self) {
        if variant().unwrap().starts_with("ClosedError") {
            self.eprint();
        }
    }
}

fn shown(status: process::ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit {code}"),
        (None, signal) => format!("signal {}", signal.unwrap_or(0)),
    }
}

fn uses_the_budget(fault: Fault) -> bool {
    use Fault::{HookBlocksItsThread, HungBlockingHook, HungHook};
    matches!(fault, HungHook | HungBlockingHook | HookBlocksItsThread)
}

/// For each fault by itself.
fn median_holds(beyond: &[(Fault, Duration)]) {
    for fault in FAULTS.into_iter().filter(|&fault| uses_the_budget(fault)) {
        let mut times: Vec<_> =
            beyond.iter().filter(|(other, _)| *other == fault).map(|(_, time)| *time).collect();
        times.sort_unstable();
        let (median, worst) = (times[times.len() / 2], times[times.len() - 1]);
        println!("{fault:?} beyond the budget, {} times: {median:?}, {worst:?}", times.len());
        assert!(repeat().is_none() || median <= MEDIAN, "{median:?}");
    }
}
