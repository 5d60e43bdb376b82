//! One `exit_on`: what its driver, its watchdog and its guard share, and how it ends.
//!
//! The driver waits for the request and runs the hooks. Then the report is made, and what the program
//! does with it runs on a thread of its own. The watchdog does the same if the driver is late, and
//! exits the process at the bound if that thread is late, too.

use std::io::{self, Write};
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Condvar, OnceLock, PoisonError};
use std::thread;
use std::time::Instant;

use super::ExitOn;
use super::exit::{End, Exit};
use super::late_requests::LateRequests;
use super::voice::Voice;
use crate::hooks::builder::Hooks;
use crate::hooks::engine::{self, BOUND, Engine};
use crate::hooks::observer::ObserverThreads;
use crate::hooks::report::Report;
use crate::in_flight::tracked_work::in_hook;
use crate::listen::os::wait_for_deliveries;
use crate::signal::ShutdownSignal;
use crate::util::os::terminal;
use crate::util::owner::Owner;
use crate::util::panic::catch_panic;
use crate::util::sync::{Mutex, lock};

// Invariants
//
// J1  The driver and the watchdog run before the signal comes, so the process exits in time even
//     if no thread can be spawned after it.
// J2  The phase only advances. The thread that enters `Reporting` makes the report.
// J3  Each job is in `JOBS`, and is `Done` before it looks at the others. So the last one finds
//     that all of them are.

/// The status of a program that panics.
const PANICKED: u8 = 101;

pub(super) struct ExitJob {
    pub(super) shutdown: ShutdownSignal,
    /// A forked child has a copy of the job, but not its threads.
    owner: Owner,
    hooks: Mutex<Option<Hooks>>,
    engine: OnceLock<Arc<Engine>>,
    pub(super) voice: Voice,
    late: LateRequests,
    ending: Mutex<Ending>,
    exit: Mutex<Exit>,
    /// Of the report; a failure until there is one.
    status: AtomicU8,
    /// A thread of the program has.
    pub(super) has_panicked: AtomicBool,
    phase: Mutex<Phase>,
    phase_changed: Condvar,
}

/// What the program wants to do at the end.
#[derive(Default)]
pub(super) struct Ending {
    pub(super) exit_with: Option<ExitWith>,
    pub(super) on_report: Option<OnReport>,
    /// The report, once no hook starts any more.
    closed: Option<(Report, ObserverThreads)>,
}

type ExitWith = Box<dyn FnOnce(&Report) -> Exit + Send>;
type OnReport = Box<dyn FnOnce(Report) + Send>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    Hooks,
    Reporting,
    Flushing,
    Done,
}

static JOBS: Mutex<Vec<Arc<ExitJob>>> = Mutex::new(Vec::new());

pub(super) fn register(job: &Arc<ExitJob>) {
    lock(&JOBS).push(Arc::clone(job)); // J3
}

/// The driver's thread.
pub(super) fn drive(job: &Arc<ExitJob>) {
    job.shutdown.wait();
    job.late.start_thread(job.engine().deadline, &ShutdownSignal::manual());
    engine::run_on_threads(job.engine());
    // If the watchdog was faster, this thread was late.
    if job.enter(Phase::Reporting) {
        let is_silent = job.close(); // then there is no code of the program to run
        if is_silent || !job.finish_on_thread() {
            job.finish()
        }
    }
}

impl ExitJob {
    pub(super) fn new(options: ExitOn) -> Self {
        let ExitOn { hooks, shutdown, exit, ending, is_quiet, late, .. } = options;
        let has_speaker = hooks.observers.iter().any(|observer| observer.shows_progress());
        let voice = Voice::new(!is_quiet && !has_speaker, !is_quiet);
        Self {
            shutdown,
            owner: Owner::current(),
            hooks: Mutex::new(Some(hooks)),
            engine: OnceLock::new(),
            voice,
            late,
            exit: Mutex::new(exit),
            ending: Mutex::new(ending),
            status: AtomicU8::new(1),
            has_panicked: AtomicBool::new(false),
            phase: Mutex::new(Phase::Hooks),
            phase_changed: Condvar::new(),
        }
    }

    /// Returns whether the shutdown was requested, in the process that has the threads.
    pub(super) fn is_requested(&self) -> bool {
        self.owner.is_current() && self.shutdown.is_requested()
    }

    /// Made by the first thread that asks, after the request.
    pub(super) fn engine(&self) -> &Arc<Engine> {
        self.engine.get_or_init(|| {
            let hooks = lock(&self.hooks).take().unwrap_or_default();
            Engine::requested(hooks, &self.shutdown)
        })
    }

    /// The program has returned, so that delays are over, also those to come.
    pub(super) fn skip_delays(&self) {
        if let Some(hooks) = &mut *lock(&self.hooks) {
            hooks.skips_delays = true;
            return;
        }
        self.engine().skip_delays();
    }

    /// No hook starts from now on. Makes the report. Returns whether there is nothing to tell.
    pub(super) fn close(&self) -> bool {
        let (report, observers) = self.engine().close();
        self.status.store(report.status(), Ordering::Relaxed); // `JOBS` orders it
        let mut ending = lock(&self.ending);
        let has_listener = ending.exit_with.is_some()
            || ending.on_report.is_some()
            || !observers.is_empty()
            || cfg!(feature = "tracing");
        let is_silent = !has_listener && report.is_clean();
        ending.closed = Some((report, observers));
        is_silent
    }

    /// Finishes on a new thread, because code of the program may block or panic. Returns false if the
    /// system refuses the thread.
    pub(super) fn finish_on_thread(self: &Arc<Self>) -> bool {
        let job = Arc::clone(self);
        let thread = thread::Builder::new().name("signoff-report".into());
        thread.spawn(move || job.finish()).is_ok()
    }

    /// Passes the report to the program, flushes its output, and exits.
    pub(super) fn finish(&self) -> ! {
        let Ending { exit_with, on_report, closed } = mem::take(&mut *lock(&self.ending));
        terminal::restore(); // else the report may be on a screen that is about to vanish
        let tell_program = || {
            let Some((report, mut observers)) = closed else { return };
            self.engine().tell_at_the_end();
            observers.finish(BOUND / 5);
            // A panic in there does not take the report with it.
            if let Some(Ok(exit)) = exit_with.map(|f| catch_panic(|| f(&report))) {
                *lock(&self.exit) = exit;
            }
            match on_report {
                Some(on_report) => on_report(report),
                None => self.voice.report(&report),
            }
        };
        // A guard that is dropped in there must not wait for itself.
        let _ = in_hook(&Arc::default(), || catch_panic(tell_program));
        self.enter(Phase::Flushing);
        flush();
        self.exit_if_last()
    }

    /// Exits the process if no other job has to. Its hooks would be cut off otherwise.
    pub(super) fn exit_if_last(&self) -> ! {
        self.enter(Phase::Done);
        wait_for_deliveries(); // a signal that has reached one listener must reach them all
        if let Some(end) = combined_end() {
            end.now()
        }
        loop {
            thread::park();
        }
    }

    /// Returns whether this is the first thread in the phase (J2).
    pub(super) fn enter(&self, phase: Phase) -> bool {
        let before = {
            let mut current = lock(&self.phase);
            let later = phase.max(*current);
            mem::replace(&mut *current, later)
        };
        self.phase_changed.notify_all(); // not under the lock, for which the other thread would wait
        before < phase
    }

    /// Waits for a phase. Returns false at `end`, if it has not been entered by then.
    pub(super) fn wait_for(&self, phase: Phase, end: Option<Instant>) -> bool {
        let mut current = lock(&self.phase);
        while *current < phase {
            let Some(end) = end else {
                current = self.phase_changed.wait(current).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.phase_changed.wait_timeout(current, left);
            current = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    fn is_done(&self) -> bool {
        *lock(&self.phase) == Phase::Done
    }
}

/// An error could be printed nowhere.
pub(super) fn flush() {
    let _ = io::stdout().flush();
    let _ = io::stderr().flush();
}

/// How the process exits, once all jobs that were requested are done.
fn combined_end() -> Option<End> {
    let jobs = lock(&JOBS);
    let requested: Vec<_> = jobs.iter().filter(|job| job.is_requested()).collect();
    if !requested.iter().all(|job| job.is_done()) {
        return None;
    }
    if requested.iter().any(|job| job.has_panicked.load(Ordering::Relaxed)) {
        return Some(End::Status(PANICKED));
    }
    let ends = requested.iter().map(|job| {
        let reason = job.shutdown.reason();
        lock(&job.exit).end(reason.as_ref(), job.status.load(Ordering::Relaxed))
    });
    ends.max_by_key(|end| end.rank())
}
