//! `run_blocking` next to tokio: hooks may use tokio wherever it is called.
#![cfg(unix)]

mod common;

use std::cell::RefCell;
use std::sync::mpsc;
use std::time::Duration;
use std::{panic, thread};

use common::{cases, system};
use signoff::Hooks;
use tokio::runtime::{Builder, Handle};
use tokio::time::sleep;

const MS: Duration = Duration::from_millis(1);
/// Nothing here takes nearly as long, on any machine.
const LONG: Duration = Duration::from_secs(300);

/// Each kind of hook that needs timers.
fn hooks() -> Hooks {
    Hooks::new()
        .budget(LONG)
        .hook("future", async || sleep(50 * MS).await)
        .blocking("thread", || Handle::current().block_on(sleep(50 * MS)))
        .hook("task", async || tokio::spawn(sleep(50 * MS)).await)
}

#[track_caller]
fn assert_clean(report: &signoff::Report) {
    assert!(report.is_clean() && report.took() < LONG / 2, "{report}");
}

#[test]
fn on_a_plain_thread() {
    assert_clean(&hooks().run_blocking());
}

#[test]
fn on_the_only_thread_of_a_runtime() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    assert_clean(&runtime.block_on(async { hooks().run_blocking() }));
}

#[test]
fn on_a_worker() {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let run = async { tokio::spawn(async { hooks().run_blocking() }).await.unwrap() };
    assert_clean(&runtime.block_on(run));
}

/// Runs hooks when the thread that it belongs to ends, and tokio has left that already.
struct AtTheEnd(mpsc::Sender<signoff::Report>);

impl Drop for AtTheEnd {
    fn drop(&mut self) {
        self.0.send(hooks().run_blocking()).unwrap();
    }
}

#[test]
fn on_a_thread_that_ends() {
    thread_local!(static LAST: RefCell<Option<AtTheEnd>> = const { RefCell::new(None) });
    let (sender, reports) = mpsc::channel();
    let ends = thread::spawn(|| {
        LAST.set(Some(AtTheEnd(sender)));
        assert_clean(&hooks().run_blocking());
    });
    assert_clean(&reports.recv_timeout(LONG).unwrap());
    ends.join().unwrap();
}

#[test]
fn what_hooks_leave_in_the_runtime_does_not_hold_it_up() {
    let report = Hooks::new()
        .hook("leaves", async || drop(tokio::task::spawn_blocking(|| thread::sleep(LONG))))
        .run_blocking();
    assert_clean(&report);
}

#[test]
fn blocking_hooks_of_a_run_are_in_the_runtime_of_the_caller() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    assert_clean(&runtime.block_on(hooks().run()));
}

cases! {
    // With a few descriptors left tokio panics, where it has an error for none at all.
    without_descriptors_they_run_all_the_same: |case| case.passes(), || {
        panic::set_hook(Box::new(|_| ()));
        for few in 0..8 {
            let before = system::limit(libc::RLIMIT_NOFILE, system::free_descriptor() + few);
            let report = Hooks::new().hook("works", async || {}).run_blocking();
            system::limit(libc::RLIMIT_NOFILE, before);
            assert_clean(&report);
        }
    };
}
