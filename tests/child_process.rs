//! A service that stops its own child process in a hook.
#![cfg(target_os = "linux")]

mod common;

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{self, Stdio};
use std::time::Duration;
use std::{fs, io};

use common::{BOUND, cases, say, until, variant};
use libc::SIGTERM;
use signoff::{Hooks, ShutdownSignal, Signal, Tokio};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// Starts a script as a group of its own, and waits until it is ready.
async fn start(script: &str) -> io::Result<Child> {
    let mut command = Command::new("sh");
    command.args(["-c", script]).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.process_group(0).spawn()?;
    BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut String::new()).await?;
    Ok(child)
}

/// How many processes of the group run. A zombie does not, if no process waits for orphans.
fn members(group: &str) -> usize {
    let entries = fs::read_dir("/proc").unwrap();
    let stats =
        entries.filter_map(|entry| fs::read_to_string(entry.ok()?.path().join("stat")).ok());
    let is_member = |stat: &String| {
        let (_, rest) = stat.rsplit_once(") ").unwrap();
        let fields: Vec<_> = rest.split(' ').collect();
        fields[2] == group && fields[0] != "Z"
    };
    stats.filter(is_member).count()
}

const IGNORES: &str = "trap '' TERM; echo ready; sleep 61 | cat";

cases! {
    a_hook_stops_a_child_or_kills_it: |case| {
        for (script, status) in [
            ("trap 'exit 0' TERM; echo ready; while :; do sleep 0.1; done", 0),
            ("trap 'exit 3' TERM; echo ready; while :; do sleep 0.1; done", 0),
            ("echo ready; sleep 61 | cat", 0),
            (IGNORES, 1),
        ] {
            let child = case.variant(script).start();
            let group = child.line();
            assert!(members(&group) > 0, "it runs: {script}");
            child.kill(SIGTERM);
            child.expect("stopping");
            child.exits_with(status);
            until("the group has ended", || members(&group) == 0);
        }
    }, || {
        // An obedient worker has far more time than it needs.
        let script = variant().unwrap();
        let limit = if script == IGNORES { Duration::from_secs(1) } else { BOUND };
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let result = runtime.block_on(async {
            let shutdown = ShutdownSignal::listen(Tokio).unwrap();
            let child = start(&script).await.unwrap();
            say(child.id().unwrap());
            let hooks = Hooks::new().budget(2 * BOUND).hook_with("worker", async move |context| page_tokio::run(child, context).await);
            hooks
                .within(limit)
                .exit_on(shutdown.clone())
                .quiet()
                .run(async move {
                    shutdown.await;
                    say("stopping");
                })
                .await
        });
        result.unwrap();
    };
}

/// The code that the page shows to copy, for tokio.
mod page_tokio {
    use std::io;
    use std::time::Duration;

    use signoff::{Signal, hooks::HookContext};
    use tokio::{process::Child, time::timeout};

    include!("child_process/stop_tokio.rs");

    pub(super) async fn run(child: Child, context: HookContext) -> io::Result<()> {
        stop(child, &context).await
    }
}

/// The code that the page shows to copy.
mod page {
    use std::process::Child;
    use std::time::{Duration, Instant};
    use std::{io, thread};

    use signoff::{Signal, hooks::HookContext};

    include!("child_process/stop.rs");

    pub(super) fn hook(child: Child) -> impl FnOnce(HookContext) -> io::Result<()> + Send {
        move |context| stop(child, &context)
    }
}

#[test]
fn the_page_shows_the_code() {
    let page = include_str!("../docs/child_processes.md");
    let codes =
        [include_str!("child_process/stop.rs"), include_str!("child_process/stop_tokio.rs")];
    assert!(codes.iter().all(|code| page.contains(code)), "the page shows another function");
}

#[test]
fn a_blocking_hook_stops_a_child_or_kills_it() {
    for (on_sigterm, limit, outcome) in [
        ("exit 0", BOUND, "done"),
        ("", Duration::from_secs(5), "failed: killed: it did not stop in time"),
    ] {
        let script = format!("trap '{on_sigterm}' TERM; echo; while :; do sleep 0.1; done");
        let mut command = process::Command::new("sh");
        command.args(["-c", &script]).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.process_group(0).spawn().unwrap();
        let mut output = child.stdout.take().unwrap();
        output.read_exact(&mut [0]).unwrap(); // the trap is set
        let hooks = Hooks::new().budget(2 * BOUND).blocking_with("worker", page::hook(child));
        let report = hooks.within(limit).run_blocking();
        assert_eq!(report.hooks()[0].outcome().to_string(), outcome);
    }
}

#[test]
fn a_signal_reaches_every_process_of_a_group() {
    let mut command = process::Command::new("sh");
    command.args(["-c", "sleep 61 | cat"]).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.process_group(0).spawn().unwrap();
    let group = child.id().to_string();
    until("sleep and cat run", || members(&group) == 3);
    Signal::Terminate.send_to_group(child.id()).unwrap();
    until("the group has ended", || members(&group) == 0);
    let error = Signal::Terminate.send_to_group(1 << 22).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::ESRCH), "{error}");
    child.wait().unwrap();
}

#[test]
fn an_id_that_no_group_has_is_an_error() {
    for id in [0, 1, 1 << 31, u32::MAX] {
        let error = Signal::Terminate.send_to_group(id).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{id}: {error}");
    }
}

#[test]
fn an_id_that_no_process_has_is_an_error() {
    for id in [0, 1 << 31, u32::MAX] {
        let error = Signal::Terminate.send(id).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{id}: {error}");
    }
    let mut child = process::Command::new("true").spawn().unwrap();
    child.wait().unwrap();
    let error = Signal::Terminate.send(child.id()).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::ESRCH), "{error}");
}
