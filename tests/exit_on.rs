//! `exit_on` ends the process in time and with the right status, whatever hangs.
//!
//! The matrix runs each combination once, one process for each. `SIGNOFF_REPEAT=16` makes that
//! more than a thousand processes, and then also looks at the median of what they take beyond the
//! budget, which only says something on a machine that has nothing else to do.
#![cfg(unix)]
#![allow(unsafe_code, reason = "descriptors are closed, and replaced by others")]

mod common;

use std::fs::File;
use std::future::{pending, poll_fn};
use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::task::Poll;
use std::time::{Duration, Instant};
use std::{env, fmt, panic, process, thread};

use common::{BOUND, Case, cases, say, variant};
use libc::{SIGINT, SIGTERM};
use signoff::hooks::{ExitGuard, HookReport, Outcome};
use signoff::{Blocking, Exit, Hooks, Report, ShutdownSignal, Tokio};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Builder;

const MS: Duration = Duration::from_millis(1);
const BUDGET: Duration = Duration::from_millis(300);
/// A third of it is for the last hook, which must run even on a busy machine.
const MATRIX_BUDGET: Duration = Duration::from_millis(750);
/// A busy machine may be so late.
const SLACK: Duration = Duration::from_secs(3);
/// In the median, on an idle machine. A hook that blocks its thread is given up after a twentieth of
/// the budget.
const MEDIAN: Duration = Duration::from_millis(50);

cases! {
    matrix: |case| {
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
    }, || Combination::parse(&variant().unwrap()).child();

    ctrl_c_during_the_hooks_ends_the_process: |case| {
        let child = case.ready();
        child.kill(SIGTERM);
        child.expect("begun");
        child.kill_again(SIGINT);
        child.exits_with(130);
    }, || {
        let shutdown = ShutdownSignal::listen(Blocking).unwrap();
        let hangs = async || {
            say("begun");
            pending::<()>().await;
        };
        let guard = Hooks::new().budget(BOUND).hook("hangs", hangs).exit_on(shutdown).start().unwrap();
        say("ready");
        wait_for_ever();
        drop(guard);
    };

    sigterm_during_the_hooks_does_nothing: |case| {
        let child = case.ready();
        child.kill(SIGTERM);
        child.expect("begun");
        child.kill_again(SIGTERM);
        child.expect("ended");
        child.exits_with(0);
    }, || {
        let shutdown = ShutdownSignal::listen(Blocking).unwrap();
        let slow = async || {
            say("begun");
            tokio::time::sleep(3 * common::ANOTHER_PRESS).await;
            say("ended");
        };
        let guard = Hooks::new().budget(BOUND).hook("slow", slow).exit_on(shutdown).start().unwrap();
        say("ready");
        wait_for_ever();
        drop(guard);
    };

    hooks_are_not_cut_off_by_the_end_of_main: |case| {
        for variant in ["join", "drop", "await"] {
            let child = case.variant(variant).ready();
            child.kill(SIGTERM);
            child.expect("slow hook done");
            child.exits_with(9);
        }
    }, || {
        let shutdown = ShutdownSignal::listen(Blocking).unwrap();
        let slow = async || {
            tokio::time::sleep(Duration::from_millis(100)).await;
            say("slow hook done");
        };
        let hooks = Hooks::new().hook("slow", slow);
        let guard = hooks.exit_on(shutdown.clone()).exit(Exit::Code(9)).start().unwrap();
        say("ready");
        shutdown.wait();
        match variant().unwrap().as_str() {
            "join" => guard.join(),
            "drop" => drop(guard),
            _ => futures_lite::future::block_on(guard.into_future()),
        }
        process::exit(3); // as a main that returns
    };

    without_a_shutdown_main_ends_by_itself: |case| case.start().exits_with(3), || {
        for guard in (0..3).map(|_| armed(ShutdownSignal::listen(Blocking).unwrap())) {
            guard.join();
        }
        futures_lite::future::block_on(armed(ShutdownSignal::listen(Blocking).unwrap()).into_future());
        drop(armed(ShutdownSignal::manual()));
        process::exit(3);
    };

    hooks_stay_armed_without_the_guard: |case| {
        let child = case.ready();
        child.kill(SIGTERM);
        child.expect("hook ran");
        child.exits_with(0);
    }, || {
        drop(armed(ShutdownSignal::listen(Blocking).unwrap()));
        say("ready");
        wait_for_ever();
    };

    a_request_is_enough: |case| {
        let child = case.start();
        child.expect("request: enough");
        child.exits_with(1);
    }, || {
        let shutdown = ShutdownSignal::manual();
        let hooks = Hooks::new().hook("fails", async || Err::<(), _>("bad"));
        let exit_on = hooks.exit_on(shutdown.clone()).exit(Exit::Signal);
        let guard = exit_on.on_report(|report| say(report.reason().unwrap())).start();
        shutdown.request("enough");
        guard.unwrap().join();
    };

    buffered_output_is_not_lost: |case| {
        let child = case.start();
        child.expect("the tail");
        child.exits_with(0);
    }, || {
        let shutdown = ShutdownSignal::manual();
        let guard = Hooks::new().exit_on(shutdown.clone()).start().unwrap();
        print!("\n@the tail");
        shutdown.request("enough");
        guard.join();
    };

    a_report_that_hangs_or_panics_does_not_stop_the_end: |case| {
        for variant in ["hangs", "panics", "hangs without a limit"] {
            let child = case.variant(variant).start();
            child.expect("last");
            child.exits_with(0);
        }
    }, || {
        silence_panics();
        let shutdown = ShutdownSignal::manual();
        let report = |_| match variant().unwrap().as_str() {
            "panics" => panic!("on purpose"),
            _ => wait_for_ever(),
        };
        let is_endless = variant().unwrap().ends_with("limit");
        let budget = if is_endless { Duration::MAX } else { BUDGET };
        let hooks = Hooks::new().budget(budget).hook("last", async || say("last"));
        let guard = hooks.exit_on(shutdown.clone()).on_report(report).start().unwrap();
        shutdown.request("enough");
        guard.join();
    };

    output_that_nobody_reads_does_not_use_up_the_budget: |case| {
        let child = case.start();
        child.expect("started");
        let start = Instant::now();
        child.exits_with(0);
        assert!(start.elapsed() < BOUND / 2);
    }, || {
        let shutdown = ShutdownSignal::manual();
        let guard = Hooks::new().budget(BOUND).exit_on(shutdown.clone()).start().unwrap();
        say("started");
        replace(io::stdout().as_fd(), &full_pipe());
        print!("what nobody will ever read");
        shutdown.request("enough");
        guard.join();
    };

    // Nothing watches a budget without a limit but the limits of the hooks.
    endless_budgets_end_with_their_hooks: |case| {
        let child = case.start();
        child.expect("hook ran");
        child.exits_with(1);
    }, || {
        let shutdown = ShutdownSignal::manual();
        let hooks = Hooks::new().budget(Duration::MAX).hook("blocks", async || wait_for_ever());
        let hooks = hooks.within(Duration::from_millis(50)).then();
        let guard = hooks.hook("next", async || say("hook ran")).exit_on(shutdown.clone()).start().unwrap();
        shutdown.request("enough");
        guard.join();
    };

    a_hook_that_blocks_its_thread_keeps_only_itself: |case| thread::scope(|scope| {
        for variant in BLOCKERS {
            scope.spawn(move || others_are_done(&case.variant(variant)));
        }
    }), || {
        let shutdown = ShutdownSignal::manual();
        let variant = variant().unwrap();
        let hooks = Hooks::new().budget(10 * BUDGET);
        let hooks = variant.split(", ").fold(hooks, add_named).exit_on(shutdown.clone());
        let guard = hooks.on_report(|report| say_outcomes(&report)).start().unwrap();
        shutdown.request("enough");
        guard.join();
    };

    a_hook_may_come_back: |case| {
        let child = case.start();
        let start = Instant::now();
        for line in ["ends: done", "waits: done", "hands over: done", "timer: done", "next: done"] {
            child.expect(line);
        }
        child.exits_with(0);
        assert!(start.elapsed() < BOUND / 3, "long before its limit");
    }, || {
        let shutdown = ShutdownSignal::manual();
        let hooks = Hooks::new().budget(BOUND).hook("ends", async || thread::sleep(1000 * MS));
        let waits = async || {
            thread::sleep(200 * MS);
            tokio::time::sleep(20 * MS).await;
        };
        let hooks = hooks.hook("waits", waits).hook("hands over", woken_while_it_is_polled);
        let hooks = add_named(hooks, "timer").then().hook("next", async || {});
        let guard = hooks.exit_on(shutdown.clone()).on_report(|report| say_outcomes(&report)).start().unwrap();
        shutdown.request("enough");
        guard.join();
    };

    no_time_at_all: |case| case.start().exits_with(1), || {
        let shutdown = ShutdownSignal::manual();
        let hooks = Hooks::new().budget(Duration::ZERO).hook("hangs", pending::<()>);
        let guard = hooks.exit_on(shutdown.clone()).start().unwrap();
        shutdown.request("enough");
        guard.join();
    };

    a_report_may_own_the_guard: |case| {
        let child = case.start();
        child.expect("dropped");
        child.exits_with(0);
    }, || {
        let shutdown = ShutdownSignal::manual();
        let place = Arc::new(Mutex::new(None));
        let owned = Arc::clone(&place);
        let exit_on = Hooks::new().budget(BUDGET).exit_on(shutdown.clone()).on_report(move |_| {
            drop(owned.lock().unwrap().take());
            say("dropped");
        });
        *place.lock().unwrap() = Some(exit_on.start().unwrap());
        shutdown.request("enough");
        wait_for_ever();
    };

    // Suspended for longer than the budget: every hook is still started, and polled once.
    suspended_for_longer_than_the_budget: |case| {
        let child = case.ready();
        child.kill(SIGTERM);
        child.expect("begun");
        child.kill(libc::SIGSTOP);
        thread::sleep(5 * BUDGET);
        child.kill(libc::SIGCONT);
        for line in ["second", "third", "hangs: timed out", "second: done", "third: done"] {
            child.expect(line);
        }
        child.exits_with(1);
    }, || {
        let shutdown = ShutdownSignal::listen(Blocking).unwrap();
        let hangs = async || {
            say("begun");
            pending::<()>().await;
        };
        let hooks = Hooks::new().budget(3 * BUDGET).hook("hangs", hangs).then();
        let hooks = hooks.hook("second", async || say("second")).then();
        let hooks = hooks.blocking("third", || say("third"));
        let exit_on = hooks.exit_on(shutdown).on_report(|report| say_outcomes(&report));
        let _guard = exit_on.start().unwrap();
        say("ready");
        wait_for_ever();
    };

    // The budget is used up, and it has some time all the same.
    a_report_has_time: |case| {
        let child = case.start();
        child.expect("hangs: abandoned");
        child.exits_with(1);
    }, || {
        let shutdown = ShutdownSignal::manual();
        let hooks = Hooks::new().budget(BUDGET).blocking("hangs", wait_for_ever);
        let exit_on = hooks.exit_on(shutdown.clone()).on_report(|report| {
            thread::sleep(50 * MS);
            say_outcomes(&report);
        });
        let guard = exit_on.start().unwrap();
        shutdown.request("enough");
        guard.join();
    };

    there_is_one_report: |case| {
        for variant in ["returns", "hangs", "panics"] {
            let child = case.variant(variant).start();
            child.expect("report");
            child.expect("the tail");
            let ended = child.ends();
            assert_eq!((ended.status.code(), &*ended.unread), (Some(1), &[][..]), "{ended:?}");
        }
    }, || {
        silence_panics();
        let shutdown = ShutdownSignal::manual();
        let hooks = Hooks::new().budget(BUDGET).hook("hangs", pending::<()>);
        let exit_on = hooks.exit_on(shutdown.clone()).on_report(|_| {
            say("report");
            print!("\n@the tail"); // flushed although this does not return
            match variant().unwrap().as_str() {
                "panics" => panic!("on purpose"),
                "hangs" => wait_for_ever(),
                _ => {}
            }
        });
        let guard = exit_on.start().unwrap();
        shutdown.request("enough");
        guard.join();
    };

    awaiting_the_guard_does_not_block_its_thread: |case| {
        let child = case.start();
        child.expect("not blocked");
        child.expect("hook");
        child.exits_with(0);
    }, || {
        let shutdown = ShutdownSignal::manual();
        let (go, waits) = std::sync::mpsc::channel();
        let hook = move || {
            waits.recv().unwrap();
            say("hook");
        };
        let hooks = Hooks::new().budget(BOUND).blocking("hook", hook);
        let guard = hooks.exit_on(shutdown.clone()).start().unwrap();
        shutdown.request("enough");
        futures_lite::future::block_on(futures_lite::future::zip(guard.into_future(), async {
            say("not blocked");
            go.send(()).unwrap();
        }));
    };

    // More hooks than threads: those that wait are still polled once.
    many_hooks: |case| {
        for (variant, outcome, code) in [("wait", "not done", 1), ("end", "done", 0), ("block", "abandoned", 1)] {
            let child = case.variant(variant).start();
            child.expect(&format!("300 begun, 300 {outcome}"));
            child.exits_with(code);
        }
    }, || {
        let shutdown = ShutdownSignal::manual();
        let begun = Arc::new(AtomicUsize::new(0));
        let hooks = (0..300).fold(Hooks::new().budget(2 * BUDGET), |hooks, number| {
            let begun = Arc::clone(&begun);
            hooks.hook(number.to_string(), async move || {
                begun.fetch_add(1, Ordering::SeqCst);
                match variant().unwrap().as_str() {
                    "wait" => pending().await,
                    "block" => wait_for_ever(),
                    _ => {}
                }
            })
        });
        let exit_on = hooks.exit_on(shutdown.clone()).on_report(move |report| {
            let outcome = |hook: &HookReport| match (hook.outcome(), variant().as_deref()) {
                // On a busy machine a thread may be late to drop its hook.
                (Outcome::TimedOut | Outcome::Abandoned, Some("wait")) => "not done".to_owned(),
                (outcome, _) => outcome.to_string(),
            };
            let first = outcome(&report.hooks()[0]);
            let same = report.hooks().iter().filter(|hook| outcome(hook) == first);
            say(format_args!("{} begun, {} {first}", begun.load(Ordering::SeqCst), same.count()));
        });
        let guard = exit_on.start().unwrap();
        shutdown.request("enough");
        guard.join();
    };

    // A guard in the hands of a hook would wait for itself.
    a_hook_may_own_the_guard: |case| {
        let child = case.start();
        child.expect("dropped");
        child.exits_with(0);
    }, || {
        let shutdown = ShutdownSignal::manual();
        let place = Arc::new(Mutex::new(None));
        let owned = Arc::clone(&place);
        let hooks = Hooks::new().hook("owner", async move || {
            drop(owned.lock().unwrap().take());
            say("dropped");
        });
        *place.lock().unwrap() = Some(hooks.exit_on(shutdown.clone()).start().unwrap());
        shutdown.request("enough");
        wait_for_ever();
    };
}

/// Hooks of one stage, in this order.
const BLOCKERS: [&str; 7] = [
    "blocks, timer, socket, thread",
    "timer, blocks, socket, thread",
    "timer, socket, thread, blocks",
    "blocks later, timer, socket, thread",
    "timer, socket, thread, blocks when dropped",
    "hangs, timer, socket, thread",
    "blocks, timer, blocks later, socket, blocks when dropped, thread, blocks",
];

fn others_are_done(case: &Case) {
    let child = case.start();
    let start = Instant::now();
    for name in case.variant_name().split(", ") {
        let outcome = if is_stuck(name) { "abandoned" } else { "done" };
        child.expect(&format!("{name}: {outcome}"));
    }
    child.exits_with(1);
    assert!(start.elapsed() < 10 * BUDGET + SLACK);
}

fn is_stuck(name: &str) -> bool {
    name.starts_with("blocks") || name == "hangs"
}

fn add_named(hooks: Hooks, name: &str) -> Hooks {
    match name {
        "blocks" => hooks.hook(name, async || wait_for_ever()),
        "blocks later" => hooks.hook(name, async || {
            tokio::time::sleep(20 * MS).await;
            wait_for_ever();
        }),
        "blocks when dropped" => hooks.hook(name, || async {
            let _stuck = Stuck;
            tokio::time::sleep(20 * MS).await;
        }),
        // It is dropped at its limit, and gets stuck then.
        "hangs" => hooks
            .hook(name, || async {
                let _stuck = Stuck;
                pending::<()>().await;
            })
            .within(50 * MS),
        "timer" => hooks.hook(name, async || {
            for _ in 0..20 {
                tokio::time::sleep(20 * MS).await;
            }
        }),
        "socket" => hooks.hook(name, async || echo().await),
        _ => hooks.blocking(name, || thread::sleep(100 * MS)),
    }
}

/// Blocks the thread where it is dropped.
struct Stuck;

impl Drop for Stuck {
    fn drop(&mut self) {
        wait_for_ever();
    }
}

/// The other side takes its time.
async fn echo() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut byte = [0];
        while stream.read_exact(&mut byte).is_ok() {
            thread::sleep(20 * MS);
            stream.write_all(&byte).unwrap();
        }
    });
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    for byte in 0..10 {
        stream.write_u8(byte).await?;
        assert_eq!(stream.read_u8().await?, byte);
    }
    Ok(())
}

/// Woken once, while the thread that polls it is blocked and another one has gone on with the rest.
async fn woken_while_it_is_polled() {
    let (is_polled, mut polls) = (AtomicBool::new(false), 0);
    poll_fn(|cx| {
        assert!(!is_polled.swap(true, Ordering::SeqCst), "one thread at a time");
        polls += 1;
        if polls == 1 {
            let waker = cx.waker().clone();
            thread::spawn(move || {
                thread::sleep(150 * MS);
                waker.wake();
            });
            thread::sleep(300 * MS);
        }
        is_polled.store(false, Ordering::SeqCst);
        if polls == 1 { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
}

fn say_outcomes(report: &Report) {
    for hook in report.hooks() {
        say(format_args!("{}: {}", hook.name(), hook.outcome()));
    }
}

fn armed(shutdown: ShutdownSignal) -> ExitGuard {
    Hooks::new().hook("says", async || say("hook ran")).exit_on(shutdown).start().unwrap()
}

fn wait_for_ever() {
    loop {
        thread::park();
    }
}

fn silence_panics() {
    panic::set_hook(Box::new(|_| {}));
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
struct Combination {
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
        let child = if self.is_first { case.start_as_first()? } else { case.start() };
        child.expect("ready");
        let start = Instant::now();
        child.kill(SIGTERM);
        child.expect("last hook");
        let ended = child.ends();
        let took = start.elapsed();
        assert_eq!(shown(ended.status), self.status(), "{self}: {ended:?}");
        assert!(took < MATRIX_BUDGET + SLACK, "{self}: {took:?}");
        uses_the_budget(self.fault).then(|| (self.fault, took.saturating_sub(MATRIX_BUDGET)))
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

    fn parse(variant: &str) -> Self {
        let fits = |combination: &Self| combination.to_string() == variant;
        combinations().find(fits).expect("one of them")
    }

    /// In the child.
    fn child(self) {
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
                    runtime.spawn(async move {
                        everybody.wait();
                        thread::sleep(BOUND);
                    });
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
                let guard = multi().block_on(async { self.arm() });
                say("ready");
                wait_for_ever();
                drop(guard);
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
        let hooks = self.add_fault(Hooks::new().budget(MATRIX_BUDGET)).then().hook("last", last);
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
            Fault::HungBlockingHook => hooks.blocking("hangs", wait_for_ever),
            Fault::HookBlocksItsThread => hooks.hook("blocks", async || wait_for_ever()),
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

fn replace(old: BorrowedFd<'_>, new: &OwnedFd) {
    // SAFETY: both are open, and the standard library does not mind.
    assert!(unsafe { libc::dup2(new.as_raw_fd(), old.as_raw_fd()) } >= 0);
}

/// Writing to it is `EPIPE`.
fn closed_pipe() -> OwnedFd {
    let (_, write) = UnixStream::pair().unwrap();
    write.into()
}

/// Writing to it never returns.
fn full_pipe() -> OwnedFd {
    let (read, mut write) = UnixStream::pair().unwrap();
    std::mem::forget(read);
    write.set_nonblocking(true).unwrap();
    while write.write(&[0; 4096]).is_ok() {}
    write.set_nonblocking(false).unwrap();
    write.into()
}

fn shown(status: process::ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit {code}"),
        (None, signal) => format!("signal {}", signal.unwrap_or(0)),
    }
}

fn uses_the_budget(fault: Fault) -> bool {
    use Fault::{FullOutput, HookBlocksItsThread, HungBlockingHook, HungHook};
    matches!(fault, HungHook | HungBlockingHook | HookBlocksItsThread | FullOutput)
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
