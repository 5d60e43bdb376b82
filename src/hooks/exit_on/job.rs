//! One `exit_on`: what its driver, its watchdog and its guard share.

use std::io::{self, Write};
use std::mem::{self, ManuallyDrop};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Instant;

use super::exit::{End, Exit};
use crate::hooks::alarm::{Alarm, Timer};
use crate::hooks::builder::Hooks;
use crate::hooks::closed::Closed;
use crate::hooks::driver::{self, AsyncHooks};
use crate::hooks::progress::Progress;
use crate::hooks::report::Report;
use crate::hooks::request::Request;
use crate::hooks::runtime::HookRuntime;
use crate::in_flight::tracked_work::in_hook;
use crate::listen::os::{Owner, wait_for_deliveries};
use crate::signal::ShutdownSignal;
use crate::util::panic::catch_panic;

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
    /// Wakes the driver. The watchdog serves it.
    pub(super) alarm: Arc<Alarm>,
    /// A forked child has a copy of the job, but not its threads.
    owner: Owner,
    hooks: Mutex<Option<Hooks>>,
    progress: OnceLock<Arc<Progress>>,
    exit: Exit,
    ending: Mutex<Ending>,
    /// A failure until there is a report.
    status: AtomicU8,
    has_panicked: AtomicBool,
    phase: Mutex<Phase>,
    phase_changed: Condvar,
}

/// What the program wants to do at the end.
#[derive(Default)]
pub(super) struct Ending {
    pub(super) exit: Exit,
    pub(super) status: Option<StatusOf>,
    pub(super) on_report: Option<OnReport>,
}

type StatusOf = Box<dyn FnOnce(&Report) -> u8 + Send>;
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
    job.run_hooks();
    // If the watchdog was faster, this thread was stuck for too long.
    if job.enter(Phase::Reporting) {
        let closed = job.close();
        job.report_and_flush(closed);
    }
    job.exit_if_last()
}

impl ExitJob {
    pub(super) fn new(hooks: Hooks, shutdown: ShutdownSignal, ending: Ending) -> Self {
        Self {
            shutdown,
            alarm: Arc::default(),
            owner: Owner::current(),
            hooks: Mutex::new(Some(hooks)),
            progress: OnceLock::new(),
            exit: ending.exit,
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

    /// A thread of the program has panicked.
    pub(super) fn set_panicked(&self) {
        self.has_panicked.store(true, Ordering::Relaxed); // `JOBS` orders it
    }

    /// Made by the first thread that asks, after the request.
    pub(super) fn progress(&self) -> &Arc<Progress> {
        self.progress.get_or_init(|| {
            let hooks = lock(&self.hooks).take().unwrap_or_default();
            Progress::new(hooks, Request::of(&self.shutdown))
        })
    }

    fn run_hooks(&self) {
        let progress = Arc::clone(self.progress());
        let has_hooks = progress.has_stages();
        let timer = Timer::served(Arc::clone(&self.alarm));
        let run = driver::run(progress, timer, AsyncHooks::OnThreads);
        if has_hooks {
            // Never dropped: that would drop the tasks that hooks have left in it.
            ManuallyDrop::new(HookRuntime::new()).block_on(run);
        } else {
            crate::util::block_on::block_on(run, None); // a runtime takes time to build
        }
    }

    /// No hook starts from now on. Runs no code of the program.
    pub(super) fn close(&self) -> Closed {
        let closed = self.progress().close();
        self.set_status(self.exit.status(closed.report.status()));
        closed
    }

    /// Runs code of the program, which may block or panic.
    pub(super) fn report_and_flush(&self, mut closed: Closed) {
        let Ending { status, on_report, .. } = mem::take(&mut *lock(&self.ending));
        let report = || {
            let progress = self.progress();
            closed.announce(&progress.span, progress.deadline);
            if let Some(status) = status {
                self.set_status(status(&closed.report));
            }
            if let Some(on_report) = on_report {
                on_report(closed.report);
            }
        };
        // A guard that is dropped in there must not wait for itself.
        let _ = in_hook(&Arc::default(), || catch_panic(report));
        self.flush();
    }

    pub(super) fn flush(&self) {
        if self.enter(Phase::Flushing) {
            let _ = io::stdout().flush(); // an error could be printed nowhere
            let _ = io::stderr().flush();
            self.enter(Phase::Done);
        }
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
    pub(super) fn wait_for(&self, phase: Phase, end: Instant) -> bool {
        let timeout = end.saturating_duration_since(Instant::now());
        let current = lock(&self.phase);
        let waited = self.phase_changed.wait_timeout_while(current, timeout, |now| *now < phase);
        waited.map_or_else(|poisoned| *poisoned.into_inner().0, |(phase, _)| *phase) >= phase
    }

    fn is_done(&self) -> bool {
        *lock(&self.phase) == Phase::Done
    }

    fn set_status(&self, status: u8) {
        self.status.store(status, Ordering::Relaxed); // `JOBS` orders it
    }
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
    let signal = requested.iter().find_map(|job| job.exit.signal(job.shutdown.reason().as_ref()));
    let status = requested.iter().map(|job| job.status.load(Ordering::Relaxed)).max();
    signal.map(End::Signal).or(status.map(End::Status))
}

/// Always a real lock, since loom's models have no clock.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
