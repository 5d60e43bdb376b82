//! The programs that the pages about start-up and about what is not dropped show, with real signals.
#![cfg(unix)]
#![allow(unsafe_code, reason = "atexit")]
#![allow(clippy::unused_async, reason = "what the pages call is async")]

mod common;

use std::future::pending;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, io};

use common::{BOUND, Child, at_once, block, cases, say, until, variant};
use libc::{SIGINT, SIGTERM};
use signoff::hooks::ExitOn;
use signoff::{Hooks, ShutdownSignal};

#[test]
fn the_pages_show_the_code() {
    for (page, codes) in [
        (
            include_str!("../docs/startup.md"),
            [include_str!("pages/connect.rs"), include_str!("pages/steps.rs")],
        ),
        (
            include_str!("../docs/not_dropped.md"),
            [include_str!("pages/journal.rs"), include_str!("pages/coverage.rs")],
        ),
    ] {
        for code in codes {
            assert!(page.contains(code), "the page shows other code than {code}");
        }
    }
}

/// The server of the programs that start up. It needs what the start-up has made.
async fn serve<T>(_made: T, shutdown: ShutdownSignal) -> io::Result<()> {
    say("ready");
    shutdown.await;
    say("served");
    Ok(())
}

/// A program that may hang while it connects.
mod connect {
    use super::*;

    include!("pages/connect.rs");

    #[derive(Clone)]
    struct Pool;

    impl Pool {
        async fn close(self) {
            say("closed");
        }
    }

    async fn connect() -> io::Result<Pool> {
        match &*variant().unwrap() {
            "hangs" => {
                let _dropped = SaysAtDrop("`connect` is dropped");
                say("ready");
                pending().await
            }
            "blocks" => {
                let is_sent = Arc::new(AtomicBool::new(false));
                signal_hook::flag::register(SIGINT, Arc::clone(&is_sent)).unwrap();
                say("ready");
                until("the first Ctrl-C", || is_sent.load(Ordering::SeqCst));
                say("the first Ctrl-C");
                block()
            }
            _ => Ok(Pool),
        }
    }

    pub(super) fn run() {
        main().unwrap();
    }
}

/// A program that starts in several steps.
mod steps {
    use super::*;

    include!("pages/steps.rs");

    struct Lease;

    impl Lease {
        async fn give_back(self) -> io::Result<()> {
            say("the lease is given back");
            Ok(())
        }
    }

    async fn take_lease() -> io::Result<Lease> {
        if variant().unwrap() == "the lease hangs" {
            say("ready");
            pending::<()>().await;
        }
        Ok(Lease)
    }

    async fn bind() -> io::Result<tokio::net::TcpListener> {
        match &*variant().unwrap() {
            "the port hangs" => {
                say("ready");
                pending().await
            }
            "the port fails" => Err(io::Error::other("the port is taken")),
            "the port panics" => panic!("no such port"),
            "the port blocks its thread" => {
                say("ready");
                block()
            }
            "the port blocks another" => {
                // As tokio looks up a host name.
                tokio::task::spawn_blocking(|| {
                    say("ready");
                    block()
                })
                .await?
            }
            _ => tokio::net::TcpListener::bind("127.0.0.1:0").await,
        }
    }

    pub(super) fn run() {
        main().unwrap();
    }
}

cases! {
    a_signal_while_it_connects_ends_it_without_hooks: |case| {
        let child = case.variant("hangs").ready();
        child.kill(SIGTERM);
        child.expect("`connect` is dropped");
        child.passes();
    }, connect::run;

    // The handler ends the process, so the thread that blocks does not matter.
    a_second_ctrl_c_ends_it_even_if_connecting_blocks: |case| {
        let child = case.variant("blocks").ready();
        child.kill(SIGINT);
        child.expect("the first Ctrl-C");
        child.kill_again(SIGINT);
        child.dies_by(SIGINT);
    }, connect::run;

    connected_it_serves_until_the_signal_and_closes_the_pool: |case| {
        let child = case.variant("connects").ready();
        child.kill(SIGTERM);
        child.expect("served");
        child.expect("closed");
        ends(child, 0);
    }, connect::run;

    the_hooks_of_the_steps_that_are_done_run: |case| at_once([
        ("the lease hangs", SIGTERM, &[][..], 0, ""),
        ("the port hangs", SIGTERM, &["the lease is given back"], 0, ""),
        ("the port fails", 0, &["the lease is given back"], 1, "the port is taken"),
        ("the port panics", 0, &["the lease is given back"], 1, "no such port"),
        ("the port blocks its thread", SIGTERM, &["the lease is given back"], 1, "abandoned"),
        ("the port blocks another", SIGTERM, &["the lease is given back"], 0, ""),
        ("serves", SIGTERM, &["served", "the lease is given back"], 0, ""),
    ], |(variant, signal, lines, status, error)| {
        let child = case.variant(variant).start();
        if signal != 0 {
            child.expect("ready");
            child.kill(signal);
        }
        for line in lines {
            child.expect(line);
        }
        let errors = ends(child, status);
        let report = errors.find("1 of 2 hooks done").map(|start| &errors[start..]);
        assert_eq!(report.is_some(), status == 1, "{variant}: {errors}");
        let number = report.map_or(0, |report| report.matches(error).count());
        assert_eq!(number, usize::from(status == 1), "said once, {variant}: {errors}");
    }), steps::run;
}

/// A program that has moved a folder and a file out of `main`.
mod journal {
    use super::*;

    include!("pages/journal.rs");

    struct Folder;

    impl Folder {
        fn create() -> io::Result<Self> {
            fs::create_dir("folder")?;
            Ok(Self)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            fs::remove_dir("folder").unwrap();
        }
    }

    async fn serve(journal: &Journal, shutdown: ShutdownSignal) -> io::Result<()> {
        writeln!(journal.lock().unwrap(), "an entry")?;
        say("ready");
        if variant().unwrap().starts_with("hangs") {
            pending::<()>().await;
        }
        shutdown.await;
        Ok(())
    }

    pub(super) fn run() {
        env::set_current_dir(Temporary::folder()).unwrap();
        main().unwrap();
    }

    /// What a user may have written first.
    #[tokio::main]
    pub(super) async fn without_a_hook() {
        env::set_current_dir(Temporary::folder()).unwrap();
        let _folder = Folder::create().unwrap();
        let mut journal = BufWriter::new(File::create("journal").unwrap());
        let log_guard = SaysAtDrop("the log is written");
        let shutdown = ShutdownSignal::listen(Tokio).unwrap();
        let program = async {
            writeln!(journal, "an entry").unwrap();
            say("ready");
            shutdown.clone().await;
        };
        let hooks = Hooks::new().hook("cache", async || say("cache"));
        let hooks = hooks.then().hook("logs", async move || drop(log_guard));
        let _ = hooks.exit_on(shutdown.clone()).run(program).await;
    }
}

cases! {
    what_belongs_to_the_program_or_to_a_hook_is_dropped: |case| at_once(["returns", "hangs"], |variant| {
        let folder = Temporary::new(variant);
        let child = case.variant(&folder.variant()).ready();
        assert_eq!(folder.journal(), "", "it is in the buffer");
        assert!(folder.has_folder());
        child.kill(SIGTERM);
        let errors = ends(child, i32::from(variant == "hangs"));
        assert_eq!(folder.journal(), "an entry\n", "{errors}");
        assert_eq!(folder.has_folder(), variant == "hangs", "{errors}");
    }), journal::run;

    locals_of_main_are_not_dropped_and_the_status_is_0: |case| {
        let folder = Temporary::new("locals");
        let child = case.variant(&folder.variant()).ready();
        child.kill(SIGTERM);
        child.expect("cache");
        child.expect("the log is written");
        ends(child, 0);
        assert_eq!((&*folder.journal(), folder.has_folder()), ("", true));
    }, journal::without_a_hook;

    work_of_atexit_runs_in_on_report: |case| at_once([
        ("clean", &["profile"][..], 0),
        ("fails", &["profile"], 1),
        ("without", &[], 0),
        ("blocks", &["profile"], 0),
    ], |(variant, lines, status)| {
        let child = case.variant(variant).start();
        let start = Instant::now();
        for line in lines {
            child.expect(line);
        }
        ends(child, status);
        assert!(start.elapsed() < BOUND, "{variant}");
    }), || {
        extern "C" fn write_profile() {
            say("profile");
            if variant().unwrap() == "blocks" {
                block();
            }
        }
        // SAFETY: the function does not unwind, and needs nothing that is gone at the exit.
        assert_eq!(unsafe { libc::atexit(write_profile) }, 0);
        let coverage = |exit_on: ExitOn| include!("pages/coverage.rs");
        let variant = variant().unwrap();
        let fails = variant == "fails";
        let hook = async move || if fails { Err("on purpose") } else { Ok(()) };
        let shutdown = ShutdownSignal::manual();
        let budget = Duration::from_secs(1);
        let exit_on = Hooks::new().budget(budget).hook("cache", hook).exit_on(shutdown.clone());
        let exit_on = if variant == "without" { exit_on } else { coverage(exit_on) };
        let guard = exit_on.start().unwrap();
        shutdown.request("enough");
        guard.join();
    };
}

struct SaysAtDrop(&'static str);

impl Drop for SaysAtDrop {
    fn drop(&mut self) {
        say(self.0);
    }
}

/// Waits for the exit with this status, without another line. Returns what is on standard error.
#[track_caller]
fn ends(child: Child, status: i32) -> String {
    let ended = child.ends_with_output();
    assert_eq!((ended.status.code(), &*ended.unread), (Some(status), &[][..]), "{ended:?}");
    ended.errors
}

/// The current folder of a child. It is removed when it is dropped.
struct Temporary {
    name: &'static str,
    path: PathBuf,
}

impl Temporary {
    fn new(name: &'static str) -> Self {
        let path = env::temp_dir().join(format!("signoff-pages-{name}-{}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self { name, path }
    }

    fn variant(&self) -> String {
        format!("{} {}", self.name, self.path.display())
    }

    /// In the child: the folder.
    fn folder() -> PathBuf {
        let variant = variant().unwrap();
        Path::new(variant.split_once(' ').unwrap().1).into()
    }

    fn journal(&self) -> String {
        fs::read_to_string(self.path.join("journal")).unwrap()
    }

    fn has_folder(&self) -> bool {
        self.path.join("folder").exists()
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path); // the test has failed, or nobody needs it
    }
}
