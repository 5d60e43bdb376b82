//! Signals at random instants: nothing is lost, every hook runs, and the status is right.
//!
//! Each process is one combination of a backend, a place, a way to wait and a way to exit. It gets
//! one signal, at a random instant after `listen` has returned.
//!
//! `SIGNOFF_CHAOS=10000 cargo test --release --all-features --test chaos -- --nocapture` starts ten
//! thousand processes and prints how many there were of each combination. `SIGNOFF_CHAOS_SEED`
//! repeats the choices of a run that failed, which names its seed.
#![cfg(target_os = "linux")]
#![allow(unsafe_code, reason = "real signals")]

mod common;

use std::collections::BTreeMap;
use std::future::pending;
use std::hash::{BuildHasher, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use std::{env, iter, process, thread};

use common::contract::{Runtime, stuck};
use common::pending::flag;
use common::runtimes::{AsyncStd, CurrentThread, MultiThread, Plain, Smol};
use common::{BOUND, Case, cases, say, system, variant};
use futures_lite::future;
use libc::{SIGINT, SIGTERM, SIGUSR1};
use signoff::{Blocking, Exit, Hooks, ShutdownSignal, Signal, Signals};

/// Processes in a run that asks for no other number.
const PROCESSES: usize = 480;
/// At the same time: more than there are processors, so that each is interrupted anywhere.
const AT_ONCE: usize = 8;
/// The status of a process that `exit_on` ends.
const CODE: u8 = 7;

cases! {
    random_instants: |case| many(
        processes(),
        |number| format!("{:?}", Combination::of(number)),
        |number, instant| Combination::of(number).holds(case, number, instant),
    ), || Combination::of(variant().unwrap().parse().unwrap()).child();

    // One signal for two listeners: the first must not end the process before the second has it.
    two_listeners: |case| many(
        processes().div_ceil(10),
        |number| ["from outside", "to an idle thread"][number % 2].to_owned(),
        |number, instant| {
            let child = case.start();
            child.expect("listening");
            thread::sleep(instant);
            child.kill([SIGTERM, SIGUSR1][number % 2]);
            let mut hooks = [child.line(), child.line()];
            hooks.sort();
            assert_eq!(hooks, ["hook 1", "hook 2"]);
            child.exits_with(0);
        },
    ), two_listeners;
}

fn processes() -> usize {
    env::var("SIGNOFF_CHAOS").map_or(PROCESSES, |count| count.parse().expect("a number"))
}

/// Runs `one` that often, a few at once, prints how many there were of each kind, and fails if one
/// of them did.
fn many(count: usize, kind: impl Fn(usize) -> String + Sync, one: impl Fn(usize, Duration) + Sync) {
    let seed = Random::seed();
    let next = AtomicUsize::new(0);
    let (passed, failed) = (Mutex::new(BTreeMap::<_, usize>::new()), AtomicUsize::new(0));
    let run = || {
        let numbers = iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed));
        for number in numbers.take_while(|&number| number < count) {
            let instant = Random::of(seed, number).instant();
            if catch_unwind(AssertUnwindSafe(|| one(number, instant))).is_ok() {
                *passed.lock().unwrap().entry(kind(number)).or_default() += 1;
            } else {
                failed.fetch_add(1, Ordering::Relaxed);
                eprintln!("failed: process {number} at {instant:?}, {}", kind(number));
            }
        }
    };
    thread::scope(|scope| (0..AT_ONCE).for_each(|_| drop(scope.spawn(run))));
    for (kind, count) in passed.into_inner().unwrap() {
        println!("{count:6} {kind}");
    }
    let failed = failed.into_inner();
    println!("{count:6} processes, {failed} failed, SIGNOFF_CHAOS_SEED={seed}");
    assert_eq!(failed, 0, "of {count} processes, SIGNOFF_CHAOS_SEED={seed}");
}

/// `SplitMix64`.
struct Random(u64);

impl Random {
    const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

    fn seed() -> u64 {
        let given = env::var("SIGNOFF_CHAOS_SEED").map(|seed| seed.parse().expect("a number"));
        given.unwrap_or_else(|_| RandomState::new().hash_one(process::id()))
    }

    fn of(seed: u64, number: usize) -> Self {
        Self(seed ^ (number as u64).wrapping_mul(Self::GAMMA))
    }

    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(Self::GAMMA);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    /// At once, while the process gets ready to wait, or while it waits.
    fn instant(&mut self) -> Duration {
        let longest = match self.below(4) {
            0 => 1,
            1 => 200,
            2 => 2_000,
            _ => 20_000,
        };
        Duration::from_micros(self.below(longest))
    }
}

#[derive(Debug, Clone, Copy)]
enum Backend {
    TokioCurrentThread,
    TokioMultiThread,
    Smol,
    AsyncStd,
    Blocking,
}

/// Where the program waits and ends.
#[derive(Debug, Clone, Copy)]
enum Place {
    InRuntime,
    /// The runtime is gone, unless it is one that lives as long as the process.
    AfterRuntime,
}

#[derive(Debug, Clone, Copy)]
enum WaitBy {
    Await,
    Wait,
    WaitTimeout,
    Channel,
    IsRequested,
    RunUntilRequested,
}

#[derive(Debug, Clone, Copy)]
enum End {
    MainReturns,
    ExitOnRun,
    ExitOnStart,
    RunOn,
}

#[derive(Debug, Clone, Copy)]
struct Combination {
    backend: Backend,
    wait: WaitBy,
    end: End,
    place: Place,
    signal: i32,
}

const BACKENDS: [Backend; 5] = [
    Backend::TokioCurrentThread,
    Backend::TokioMultiThread,
    Backend::Smol,
    Backend::AsyncStd,
    Backend::Blocking,
];
const WAITS: [WaitBy; 6] = [
    WaitBy::Await,
    WaitBy::Wait,
    WaitBy::WaitTimeout,
    WaitBy::Channel,
    WaitBy::IsRequested,
    WaitBy::RunUntilRequested,
];
const ENDS: [End; 4] = [End::MainReturns, End::ExitOnRun, End::ExitOnStart, End::RunOn];
const PLACES: [Place; 2] = [Place::InRuntime, Place::AfterRuntime];
const SIGNALS: [i32; 2] = [SIGTERM, SIGINT];

impl Combination {
    /// Each of them once, and so on.
    fn of(number: usize) -> Self {
        let mut rest = number;
        let mut choose = |choices: usize| {
            let choice = rest % choices;
            rest /= choices;
            choice
        };
        Self {
            backend: BACKENDS[choose(BACKENDS.len())],
            wait: WAITS[choose(WAITS.len())],
            end: ENDS[choose(ENDS.len())],
            place: PLACES[choose(PLACES.len())],
            signal: SIGNALS[choose(SIGNALS.len())],
        }
    }

    /// In the parent.
    fn holds(self, case: &Case, number: usize, instant: Duration) {
        let child = case.variant(&number.to_string()).start();
        child.expect("listening");
        thread::sleep(instant);
        child.kill(self.signal);
        child.expect(if self.signal == SIGTERM { "SIGTERM" } else { "SIGINT" });
        child.expect("hook");
        match self.end {
            End::MainReturns | End::RunOn => child.passes(),
            End::ExitOnRun | End::ExitOnStart => child.exits_with(CODE.into()),
        }
    }

    /// In the child.
    fn child(self) {
        match self.backend {
            Backend::TokioCurrentThread => self.listen::<CurrentThread>(),
            Backend::TokioMultiThread => self.listen::<MultiThread>(),
            Backend::Smol => self.listen::<Smol>(),
            Backend::AsyncStd => self.listen::<AsyncStd>(),
            Backend::Blocking => self.listen::<Plain>(),
        }
    }

    fn listen<R: Runtime>(self) {
        let listen = || {
            let shutdown = R::listen();
            say("listening");
            shutdown
        };
        match self.place {
            Place::InRuntime => R::block_on(async { self.live(listen()).await }),
            Place::AfterRuntime => {
                let shutdown = R::inside(listen);
                future::block_on(self.live(shutdown));
            }
        }
    }

    /// The hook runs after the program has seen the signal, so both are certain to be said.
    async fn live(self, shutdown: ShutdownSignal) {
        let (seen, is_seen) = flag();
        let hook = async move || {
            is_seen.await;
            say("hook");
        };
        let hooks = Hooks::new().budget(BOUND).hook("hook", hook);
        let program = async {
            self.wait.until_requested(&shutdown).await;
            assert!(shutdown.is_requested());
            let reason = shutdown.reason().expect("it was requested").to_string();
            say(reason.split(' ').next().expect("a name"));
            seen.request("seen");
        };
        self.end.run(hooks, shutdown.clone(), program).await;
    }
}

impl WaitBy {
    async fn until_requested(self, shutdown: &ShutdownSignal) {
        match self {
            Self::Await => shutdown.clone().await,
            Self::Wait => _ = shutdown.wait(),
            Self::WaitTimeout => while shutdown.wait_timeout(Duration::from_millis(1)).is_none() {},
            Self::Channel => _ = shutdown.channel().recv(),
            Self::IsRequested => {
                while !shutdown.is_requested() {
                    thread::sleep(Duration::from_micros(100));
                }
            }
            Self::RunUntilRequested => {
                assert_eq!(shutdown.run_until_requested(pending::<()>()).await, None);
            }
        }
    }
}

impl End {
    async fn run(self, hooks: Hooks, shutdown: ShutdownSignal, program: impl Future<Output = ()>) {
        let hooks_exit = |hooks: Hooks| hooks.exit_on(shutdown.clone()).exit(Exit::Code(CODE));
        match self {
            Self::MainReturns => {
                program.await;
                assert!(hooks.run().await.is_clean());
            }
            Self::ExitOnRun => hooks_exit(hooks).run(program).await.expect("threads"),
            Self::ExitOnStart => {
                let guard = hooks_exit(hooks).start().expect("threads");
                program.await;
                guard.await;
            }
            Self::RunOn => {
                let (done, is_done) = flag();
                let elsewhere = async move {
                    assert!(hooks.run_on(shutdown).await.is_clean());
                    done.request("done");
                };
                thread::spawn(|| future::block_on(elsewhere));
                program.await;
                is_done.await;
            }
        }
    }
}

/// Two parts of one program, each with its own hooks.
fn two_listeners() {
    system::stay_on_one_processor();
    let hooks = ["hook 1", "hook 2"].map(|name| {
        let shutdown = ShutdownSignal::listen(Blocking).unwrap();
        Hooks::new().hook(name, async move || say(name)).exit_on(shutdown).start().unwrap()
    });
    // Any thread that wakes up interrupts a handler on this one.
    let signals = Signals::none().with(Signal::Other(SIGUSR1));
    let start = signals.listen(Blocking).unwrap();
    thread::spawn(move || {
        system::let_others_run_first();
        start.wait();
        system::raise(SIGTERM);
    });
    say("listening");
    stuck();
    drop(hooks);
}
