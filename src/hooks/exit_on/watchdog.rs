//! Exits the process if the driver or the report is late.
//!
//! It runs no code of the program, and never blocks for longer than it says here. A process that was
//! stopped beyond its budget still runs its hooks once: what is late counts from the moment in which
//! this thread runs again.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::job::{ExitJob, Phase, flush};
use super::voice;
use crate::hooks::engine::BOUND;

/// The watchdog's thread.
pub(super) fn watch(job: &Arc<ExitJob>) {
    job.shutdown.wait();
    let deadline = job.engine().deadline;
    let speaks_at = Instant::now() + voice::SILENCE;
    let is_long = deadline.is_none_or(|deadline| speaks_at < deadline); // else nothing would watch it
    if job.voice.speaks && is_long && !job.wait_for(Phase::Reporting, Some(speaks_at)) {
        on_new_thread(job, |job| job.voice.speak(job));
    }
    job.wait_for(Phase::Reporting, deadline);
    let end = deadline.map_or_else(Instant::now, |deadline| deadline.max(Instant::now()));
    if !job.wait_for(Phase::Reporting, Some(end + late(2))) && job.enter(Phase::Reporting) {
        job.close();
        job.finish_on_thread();
    }
    if !job.wait_for(Phase::Flushing, Some(end + late(3))) {
        on_new_thread(job, |_| flush()); // `on_report` blocks
    }
    // Output that nobody reads does not use up the budget.
    job.wait_for(Phase::Done, Some((end + late(4)).min(Instant::now() + BOUND)));
    job.exit_if_last()
}

/// So many fifths of the bound.
fn late(fifths: u32) -> Duration {
    BOUND / 5 * fifths
}

/// If the system refuses the thread, the process exits without this.
fn on_new_thread(job: &Arc<ExitJob>, work: impl FnOnce(&ExitJob) + Send + 'static) {
    let job = Arc::clone(job);
    let thread = thread::Builder::new().name("signoff-output".into());
    let _ = thread.spawn(move || work(&job));
}
