//! `exit_on`: the hooks run and the process ends, whatever hangs.

use std::future::{Future, IntoFuture};
use std::io::{self, Write};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, OnceLock};
use std::task::{self, Poll};
use std::time::{Duration, Instant};
use std::{fmt, mem, process, thread};

use super::builder::Hooks;
use super::exit::{Ending, Exit, OnReport};
use super::last_words::{self, PATIENCE};
use super::plan::Plan;
use super::report::Report;
use super::runtime::Place;
use super::stage;
use crate::error::Error;
use crate::shutdown_signal::ShutdownSignal;
use crate::sync::{Mutex, lock};
use crate::tracked_work::is_in_hook;

// Invariants
//
// G1  Two threads wait for the signal from the beginning, so nothing has to be started after it
//     for the process to end in time. One runs the hooks, the other watches the clock. Where a hook
//     blocks the first, another one goes on with all others, and so on.
// G2  The plan is made once, by whichever of the two wakes first: the budget counts from there.
// G3  The end begins once, with whoever has run the last hook or finds the time over. That one
//     makes the report and has the last words. The watching thread ends the process all the same
//     when those take too long.
// G4  Every job is in `JOBS`, and is marked as over under that lock. Whoever finds all of them over
//     that were asked ends the process: nobody cuts off the hooks of another `exit_on`.

/// A hook that has not come back for so long blocks its thread; the others get another one.
const LATE: Duration = Duration::from_millis(50);
/// How often the watching thread looks, in that time.
const LOOKS: u32 = 4;
/// The run has this long, after the budget, to give up what still runs; then it is stuck.
const GRACE: Duration = Duration::from_millis(5);
/// What the last words have in any case.
const LAST_WORDS: Duration = Duration::from_millis(5);

impl Hooks {
    /// Ends the process when the shutdown is asked for: runs the hooks, and then exits, whatever
    /// hangs.
    ///
    /// Two threads of its own wait for the signal from now on. One runs the hooks when it comes;
    /// with the feature `tokio` it does so in a small runtime of its own, so timers and new
    /// connections work even if the program's runtime is stuck, or gone; tasks that hooks spawn share
    /// one thread there. The other one ends the process when the budget is over. The budget counts
    /// from the signal.
    ///
    /// A hook that blocks its thread, against the rules, keeps only itself: after some 50 ms (less
    /// where the budget is shorter than 200 ms) another thread goes on with all others, also with
    /// those of its stage. It is done where it comes back in time, and left behind at its limit
    /// where not.
    ///
    /// Standard output and error are flushed, for half a second at the most; a closed pipe, or one
    /// that nobody reads, does not stop the end. [`exit`](Self::exit) chooses the exit status,
    /// [`on_report`](Self::on_report) gets the report. No destructor runs.
    ///
    /// Where this is called more than once in a process, the hooks of each call run, and the process
    /// ends with the last of them: with status 0 if all were clean.
    ///
    /// The process never ends unless the shutdown is asked for. A `main` that may come to its end
    /// by itself keeps the [`ExitGuard`], and [joins](ExitGuard::join) it.
    ///
    /// ```no_run
    /// # #[cfg(unix)] {
    /// use std::time::Duration;
    /// use signoff::{Blocking, Hooks, ShutdownSignal};
    ///
    /// let shutdown = ShutdownSignal::listen(Blocking)?;
    /// let guard = Hooks::new()
    ///     .budget(Duration::from_secs(5))
    ///     .hook("queue", async || { /* … */ })
    ///     .on_report(|report| report.eprint())
    ///     .exit_on(shutdown.clone())?;
    ///
    /// while !shutdown.is_requested() { /* work */ }
    /// guard.join(); // hooks that still run are not cut off
    /// # }
    /// # Ok::<(), signoff::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Thread`] where the system refuses one of the two threads. Nothing is left behind
    /// then, and the hooks never run.
    pub fn exit_on(mut self, shutdown: ShutdownSignal) -> Result<ExitGuard, Error> {
        let Ending { exit, on_report } = mem::take(&mut self.ending);
        let guard = ExitGuard { shutdown: shutdown.clone(), owner: process::id() };
        let job = Arc::new(Job {
            shutdown,
            exit,
            on_report: Mutex::new(on_report),
            hooks: Mutex::new(Some(self)),
            plan: OnceLock::new(),
            place: OnceLock::new(),
            is_ending: AtomicBool::new(false),
            status: OnceLock::new(),
            is_over: AtomicBool::new(false),
        });
        let watcher = start("signoff-watch", Job::watch)?;
        let runner = start("signoff-hooks", |job| job.run_hooks(0))?;
        lock(&JOBS).push(Arc::clone(&job)); // G4
        for thread in [watcher, runner] {
            let _ = thread.send(Arc::clone(&job)); // it waits for exactly this
        }
        Ok(guard)
    }
}

/// A thread that begins when it gets the job, and ends should nobody send it.
fn start(name: &str, work: fn(&Arc<Job>)) -> Result<Sender<Arc<Job>>, Error> {
    let (sender, receiver) = mpsc::channel();
    let work = move || receiver.iter().for_each(|job| work(&job));
    thread::Builder::new().name(name.into()).spawn(work).map_err(Error::Thread)?;
    Ok(sender)
}

/// See G4.
static JOBS: Mutex<Vec<Arc<Job>>> = Mutex::new(Vec::new());

/// What the two threads share.
struct Job {
    shutdown: ShutdownSignal,
    exit: Exit,
    on_report: Mutex<Option<OnReport>>,
    hooks: Mutex<Option<Hooks>>,
    /// See G2.
    plan: OnceLock<Arc<Plan>>,
    /// What all threads that run the hooks share.
    place: OnceLock<Place>,
    /// See G3.
    is_ending: AtomicBool,
    status: OnceLock<u8>,
    /// See G4.
    is_over: AtomicBool,
}

impl Job {
    fn plan(&self) -> &Arc<Plan> {
        self.plan.get_or_init(|| {
            let hooks = lock(&self.hooks).take().unwrap_or_default();
            Plan::new(hooks, self.shutdown.reason())
        })
    }

    fn run_hooks(self: &Arc<Self>, turn: usize) {
        self.shutdown.wait();
        let hooks = async {
            stage::run(Arc::clone(self.plan()), turn).await;
            if self.plan().is_turn_of(turn) {
                self.end();
            }
        };
        self.place.get_or_init(Place::driven).block_on(hooks);
    }

    /// Runs no foreign code: a hook, or a subscriber, may hang.
    fn watch(self: &Arc<Self>) {
        self.shutdown.wait();
        let plan = self.plan();
        let over = plan.deadline.and_then(|deadline| deadline.checked_add(GRACE));
        let late = LATE.min(plan.budget / LOOKS).max(GRACE);
        while over.is_none_or(|over| Instant::now() < over) {
            let is_stuck = plan.is_stuck(late);
            if is_stuck {
                self.join_in(late);
            }
            sleep_until(over, if is_stuck { late } else { late / LOOKS });
        }
        self.end()
    }

    /// Another thread goes on with all hooks but the one that blocks its thread.
    fn join_in(self: &Arc<Self>, late: Duration) {
        let job = Arc::clone(self);
        let work = move || job.plan().seize(late).into_iter().for_each(|turn| job.run_hooks(turn));
        // Should the system refuse it, the next look asks again.
        let _ = thread::Builder::new().name("signoff-hooks".into()).spawn(work);
    }

    fn end(&self) -> ! {
        let plan = self.plan();
        // Relaxed: it says who, no more; the status has a lock of its own.
        if self.is_ending.swap(true, Ordering::Relaxed) {
            thread::sleep(GRACE + LAST_WORDS * 2); // for the last words of the other one
        } else {
            plan.stop();
            let report = plan.report();
            let _ = self.status.set(report.status()); // nobody else does
            self.last_words(plan, report);
        }
        if let Some(status) = self.over() {
            self.exit.now(status, plan.reason.as_ref());
        }
        loop {
            thread::park(); // another one ends the process
        }
    }

    /// The status of them all, where all are over (G4).
    fn over(&self) -> Option<u8> {
        let jobs = lock(&JOBS);
        self.is_over.store(true, Ordering::Relaxed); // the lock orders it
        let asked: Vec<_> = jobs.iter().filter(|job| job.shutdown.is_requested()).collect();
        let status = |job: &&Arc<Self>| job.status.get().copied().unwrap_or(1);
        let is_last = asked.iter().all(|job| job.is_over.load(Ordering::Relaxed));
        is_last.then(|| asked.iter().map(status).max().unwrap_or(1))
    }

    fn last_words(&self, plan: &Arc<Plan>, report: Report) {
        let (on_report, told) = (lock(&self.on_report).take(), Arc::clone(plan));
        let handed_over = last_words::begin(move || {
            told.telling.over(&report);
            if let Some(on_report) = on_report {
                on_report(report);
            }
        });
        let left = || {
            let left = |end: Instant| end.saturating_duration_since(Instant::now());
            plan.deadline.map_or(PATIENCE, left)
        };
        let _ = handed_over.recv_timeout(left().max(LAST_WORDS));
        let flushed = last_words::begin(|| {
            let _ = io::stdout().flush(); // errors have nowhere to go
            let _ = io::stderr().flush();
        });
        let _ = flushed.recv_timeout(left().clamp(LAST_WORDS, PATIENCE));
    }
}

/// Sleeps for `look`, but not beyond the end.
fn sleep_until(over: Option<Instant>, look: Duration) {
    let left = over.map(|over| over.saturating_duration_since(Instant::now()));
    thread::sleep(left.map_or(look, |left| left.min(look)));
}

/// What [`exit_on`](Hooks::exit_on) returns: for a `main` that may come to its end by itself.
///
/// The process ends with its `main`, and would cut off hooks that are still running. So end `main`
/// with [`join`](Self::join), or in asynchronous code by awaiting the guard. Dropping the guard
/// while a shutdown is under way waits as well. Before one is asked for, dropping it does nothing:
/// the hooks stay armed.
///
/// Joining does not wait for the shutdown itself. A `main` that has nothing else to do waits for
/// that first: `shutdown.wait()`, or `shutdown.await`.
#[must_use = "a main that may end by itself joins the guard, so that hooks are not cut off"]
pub struct ExitGuard {
    shutdown: ShutdownSignal,
    /// A forked child has neither of the threads.
    owner: u32,
}

impl ExitGuard {
    /// Waits for the end of the process where the shutdown was asked for; returns at once where it
    /// was not.
    pub fn join(self) {
        drop(self);
    }

    fn is_over(&self) -> bool {
        self.shutdown.is_requested() && self.owner == process::id()
    }
}

impl Drop for ExitGuard {
    fn drop(&mut self) {
        // A hook that waited for the end of the process would wait for itself.
        while self.is_over() && !is_in_hook() {
            thread::park();
        }
    }
}

/// Awaiting the guard is [`join`](ExitGuard::join) without blocking a thread: it never resolves where
/// the shutdown was asked for.
impl IntoFuture for ExitGuard {
    type Output = ();
    type IntoFuture = Joined;

    fn into_future(self) -> Joined {
        Joined(Some(self))
    }
}

/// Waits for the end of the process: what awaiting a [`ExitGuard`] is made of.
#[must_use = "futures do nothing unless polled"]
#[derive(Debug)]
pub struct Joined(Option<ExitGuard>);

impl Future for Joined {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut task::Context<'_>) -> Poll<()> {
        match &self.0 {
            Some(guard) if guard.is_over() => Poll::Pending,
            _ => {
                self.0 = None;
                Poll::Ready(())
            }
        }
    }
}

impl fmt::Debug for ExitGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExitGuard").field("shutdown", &self.shutdown).finish_non_exhaustive()
    }
}
