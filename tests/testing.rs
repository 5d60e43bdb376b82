//! What the page says about tests of a shutdown: its code, and how hooks see a paused clock.
#![cfg(unix)]

#[allow(unreachable_pub, reason = "the code that the page shows to copy")]
mod program {
    include!("testing/program.rs");

    const IS_STARTED: &str = "SIGNOFF_TEST_PROGRAM";

    /// Starts a test of this binary, which is ignored otherwise.
    pub(super) fn start(test: &str) -> Program {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.env(IS_STARTED, "1");
        Program::start(command.args(["--exact", test, "--ignored", "--nocapture"]))
    }

    /// Whether this is such a program, and not a run of all ignored tests.
    pub(super) fn is_started() -> bool {
        std::env::var_os(IS_STARTED).is_some()
    }
}

use std::future::pending;
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use signoff::{Blocking, Hooks, ShutdownSignal, Signal};

const HOUR: Duration = Duration::from_secs(3600);
const SHORT: Duration = Duration::from_millis(300);

#[test]
fn the_page_shows_the_code() {
    let (page, code) = (include_str!("../docs/testing.md"), include_str!("testing/program.rs"));
    assert!(page.contains(code), "the page shows another program.rs");
}

#[test]
fn it_exits_in_time_on_sigterm() {
    let service = program::start("service");
    service.expect("ready");
    service.send(Signal::Terminate);
    let (status, output) = service.exit();
    assert_eq!(status.code(), Some(0), "{output:#?}");
    assert!(output.iter().any(|line| line.starts_with("1 of 1 hooks done")), "{output:#?}");
}

#[test]
fn a_second_ctrl_c_exits_at_once() {
    let service = program::start("hangs");
    service.expect("ready");
    service.send(Signal::Interrupt);
    service.expect("closing"); // after the first signal has arrived
    std::thread::sleep(SHORT); // sooner, it is the same press
    service.send(Signal::Interrupt);
    assert_eq!(service.exit().0.signal(), Some(Signal::Interrupt.as_raw()));
}

#[test]
#[should_panic(expected = "the program does not print \"never\"")]
fn a_line_that_does_not_come_fails_the_test() {
    let service = program::start("service");
    service.expect("ready");
    service.send(Signal::Terminate);
    service.expect("never");
}

#[test]
#[ignore = "started by the tests above"]
fn service() {
    serve(Hooks::new().hook("cache", async || {}));
}

#[test]
#[ignore = "started by a test above"]
fn hangs() {
    let hooks = Hooks::new().budget(HOUR).hook("cache", async || {
        println!("closing");
        pending::<()>().await;
    });
    serve(hooks);
}

fn serve(hooks: Hooks) {
    if !program::is_started() {
        return;
    }
    let shutdown = ShutdownSignal::listen(Blocking).unwrap();
    let guard = hooks.exit_on(shutdown.clone()).on_report(|report| report.eprint());
    let guard = guard.start().unwrap();
    println!("ready");
    shutdown.wait();
    guard.join();
}

/// These hooks run in a runtime of their own.
#[tokio::test(start_paused = true)]
async fn run_blocking_has_a_real_clock() {
    let run = || {
        let start = Instant::now();
        let hooks = Hooks::new().hook("sleeps", async || tokio::time::sleep(SHORT).await);
        (hooks.run_blocking(), start.elapsed())
    };
    let (report, took) = tokio::task::spawn_blocking(run).await.unwrap();
    assert!(report.is_clean() && took >= SHORT, "{report}");
}

/// With `run_on`, a hook is polled by the test's runtime, so its own timers are virtual.
#[tokio::test(start_paused = true)]
async fn a_sleep_in_a_hook_follows_the_paused_clock() {
    let shutdown = ShutdownSignal::manual();
    shutdown.request("test");
    let hooks = Hooks::new().hook("sleeps", async || tokio::time::sleep(HOUR).await);
    let report = hooks.run_on(shutdown).await;
    assert!(report.is_clean(), "{report}");
}

/// The time limits are not.
#[tokio::test(start_paused = true)]
async fn a_limit_is_real_even_if_the_clock_is_paused() {
    let start = Instant::now();
    let hooks = Hooks::new().hook("hangs", async || pending::<()>().await).within(SHORT);
    let report = hooks.run().await;
    assert!(start.elapsed() >= SHORT, "{report}");
    assert!(report.hooks()[0].outcome().to_string().starts_with("timed out"), "{report}");
}
