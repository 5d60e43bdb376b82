//! Exits the process if the driver does not.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::job::{ExitJob, Phase};
use crate::hooks::output::OUTPUT_TIMEOUT;
use crate::hooks::progress::Progress;

/// What `on_report` and the flush have at least, each. A loaded machine must meet it.
const FLOOR: Duration = Duration::from_millis(100);
/// How long no hook starts or finishes if the driver is stuck. It runs code of the program only if
/// no thread can be spawned, so it is far more likely that the machine is loaded.
const DRIVER_TIMEOUT: Duration = Duration::from_millis(300);
/// How often the driver gets that time.
const MAX_EXTENSIONS: u32 = 10;

/// The watchdog's thread. It runs no code of the program, which may block.
pub(super) fn watch(job: &Arc<ExitJob>) {
    job.shutdown.wait();
    let progress = job.progress();
    job.alarm.serve(progress.deadline, &progress.ready);
    wait_for_driver(job, progress);
    if job.enter(Phase::Reporting) {
        report_instead_of_driver(job);
    }
    if !job.wait_for(Phase::Flushing, end_of_report(progress)) {
        on_new_thread(job, ExitJob::flush); // `on_report` blocks
    }
    job.wait_for(Phase::Done, end_of_report(progress).min(Instant::now() + OUTPUT_TIMEOUT));
    job.exit_if_last()
}

/// After the budget, the driver still starts each hook once and gives it up. It needs more time for
/// that if the process was suspended, so it gets that as long as it makes progress.
fn wait_for_driver(job: &ExitJob, progress: &Progress) {
    for _ in 0..MAX_EXTENSIONS {
        let steps = progress.steps();
        job.alarm.serve(Some(Instant::now() + DRIVER_TIMEOUT), &progress.ready);
        if progress.steps() == steps {
            break;
        }
    }
    if job.alarm.has_driver_ended() {
        job.wait_for(Phase::Reporting, Instant::now() + DRIVER_TIMEOUT);
    }
}

/// The driver is stuck in code of the program.
fn report_instead_of_driver(job: &Arc<ExitJob>) {
    let closed = job.close();
    on_new_thread(job, |job| job.report_and_flush(closed));
}

/// If no thread can be spawned, the process exits without this.
fn on_new_thread(job: &Arc<ExitJob>, work: impl FnOnce(&ExitJob) + Send + 'static) {
    let job = Arc::clone(job);
    let thread = thread::Builder::new().name("signoff-output".into());
    let _ = thread.spawn(move || work(&job));
}

fn end_of_report(progress: &Progress) -> Instant {
    let now = Instant::now();
    progress.deadline.map_or(now + OUTPUT_TIMEOUT, |deadline| deadline.max(now + FLOOR))
}
