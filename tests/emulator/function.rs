//! The function of all cases, with our hooks or with AWS's helper.

use std::fs::{self, OpenOptions};
use std::future;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::process;
use std::time::Duration;
use std::{env, thread};

use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::{Value, json};
use signoff::in_flight::InFlightEntry;
use signoff::{Hooks, Report, lambda};

use super::{BOUND, Helper};

pub(crate) const CASE: &str = "SIGNOFF_TEST_CASE";
/// The whole function is [`lambda::run`].
pub(crate) const RUN: &str = "run";
pub(crate) const HELPER: &str = "SIGNOFF_TEST_HELPER";
pub(crate) const PROOF: &str = "SIGNOFF_TEST_PROOF";

/// Reports to the test how far the function has come.
fn say(line: impl std::fmt::Display) {
    let mut out = io::stdout().lock();
    writeln!(out, "\n@{line}").and_then(|()| out.flush()).expect("an open pipe");
}

/// Writes to a file that outlives the process. It works even if the output is closed.
fn prove(what: &str) {
    let path = env::var(PROOF).expect("set");
    let mut file = OpenOptions::new().append(true).open(path).expect("a file");
    writeln!(file, "{what}").expect("it can be written to");
}

#[test]
#[ignore = "a function, for the emulator"]
fn serves() {
    let Ok(case) = env::var(CASE) else { return };
    say(format_args!("started {}", process::id()));
    match &*case {
        "another internal extension" => register("another", "[]"),
        "extension name is taken" => {
            register(Helper::of_this_process().extension_name(), "[]");
        }
        _ => {}
    }
    if case == RUN {
        // The hooks of the sample on the page.
        let hooks = Hooks::new().hook("metrics", hook).hook("database", async || {
            tokio::time::sleep(Duration::from_millis(5)).await;
        });
        let install = lambda::install(hooks).on_report(|report| {
            tell(&report);
            report.eprint();
        });
        let run = install.run(service_fn(handler));
        let ended = runtime().block_on(run);
        say(format_args!("run: {ended:?}"));
    } else if case == "runtime is dropped" {
        runtime().block_on(async {
            install(&case).await;
            tokio::time::sleep(Duration::from_millis(50)).await; // its tasks have started
        });
        runtime().block_on(serve());
    } else {
        runtime().block_on(async {
            install(&case).await;
            if case == "SIGTERM during init" {
                say("init");
                thread::sleep(BOUND);
            }
            serve().await;
        });
    }
}

fn tell(report: &Report) {
    for hook in report.hooks() {
        let open: Vec<_> = hook.in_flight().iter().map(InFlightEntry::name).collect();
        say(format_args!("{} {}: {open:?}", hook.name(), hook.outcome()));
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

async fn serve() {
    let ended = lambda_runtime::run(service_fn(handler)).await;
    say(format_args!("run: {ended:?}"));
}

async fn handler(event: LambdaEvent<Value>) -> Result<Value, lambda_runtime::Error> {
    say(format_args!("handles {}", event.payload));
    if env::var(CASE).is_ok_and(|case| case == "stderr is closed") {
        close_stderr(); // not before: lambda_runtime prints when it starts
    }
    match event.payload.as_str() {
        Some("sleep") => tokio::time::sleep(BOUND).await,
        Some("block") => thread::sleep(BOUND),
        _ => {}
    }
    Ok(json!(process::id()))
}

async fn install(case: &str) {
    match Helper::of_this_process() {
        Helper::Ours => install_ours(case).await,
        Helper::Aws => install_aws(case).await,
    }
}

async fn install_ours(case: &str) {
    let hooks = Hooks::new();
    let hooks = match case {
        "a hook never returns" => hooks.hook("hung", async || future::pending::<()>().await),
        "a hook blocks its thread" => hooks.hook("hung", async || thread::sleep(BOUND)),
        "a hook fails" => hooks.hook("fails", async || Err::<(), _>("refused")),
        "a hook panics" => {
            hooks.hook("panics", async || assert!(env::var(CASE).is_err(), "on purpose"))
        }
        "two handlers" => {
            let other = lambda::set_graceful_shutdown_handler(other_hook).await;
            drop(other.expect("a handler"));
            hooks
        }
        _ => hooks,
    };
    let install = lambda::install(hooks.hook("hook", hook));
    let install =
        if case == "external extension only" { install.without_extension() } else { install };
    let installed = install.await.expect("handlers and threads");
    say(format_args!("installed {:?}", installed.registration_error()));
}

/// The helper takes one closure, so the hooks run one after the other in it.
async fn install_aws(case: &str) {
    let case = case.to_owned();
    if case == "two handlers" {
        lambda_runtime::spawn_graceful_shutdown_handler(other_hook).await;
    }
    let hook = move || async move {
        match &*case {
            "a hook never returns" => future::pending().await,
            "a hook blocks its thread" => thread::sleep(BOUND),
            "a hook panics" => panic!("on purpose"),
            _ => {}
        }
        hook().await;
    };
    lambda_runtime::spawn_graceful_shutdown_handler(hook).await;
    say("installed");
}

/// A hook that needs a runtime with a timer.
async fn hook() {
    tokio::time::sleep(Duration::from_millis(20)).await;
    prove("hook");
}

async fn other_hook() {
    tokio::time::sleep(Duration::from_millis(200)).await;
    prove("other hook");
}

/// Replaces it by a socket without a reader, so that printing fails.
fn close_stderr() {
    let (reader, writer) = UnixStream::pair().expect("a pair");
    drop(reader);
    // SAFETY: plain numbers, and both are open.
    assert_eq!(unsafe { libc::dup2(writer.as_raw_fd(), 2) }, 2);
}

/// Registers another extension, which waits for its next event.
fn register(name: &str, events: &str) {
    let api = env::var("AWS_LAMBDA_RUNTIME_API").expect("in Lambda");
    let body = format!(r#"{{"events":{events}}}"#);
    let length = body.len();
    let mut stream = TcpStream::connect(&api).expect("the API");
    write!(
        stream,
        "POST /2020-01-01/extension/register HTTP/1.1\r\nHost: {api}\r\nConnection: close\r\n\
         Lambda-Extension-Name: {name}\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let header = answer.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("Lambda-Extension-Identifier").then_some(value)
    });
    let identifier = header.unwrap_or_else(|| panic!("no identifier: {answer}"));
    let mut stream = TcpStream::connect(&api).expect("the API");
    write!(
        stream,
        "GET /2020-01-01/extension/event/next HTTP/1.1\r\nHost: {api}\r\n\
         Lambda-Extension-Identifier: {identifier}\r\nConnection: close\r\n\r\n"
    )
    .expect("sent");
    if events == "[]" {
        std::mem::forget(stream); // parked
        return;
    }
    let mut event = String::new();
    stream.read_to_string(&mut event).expect("an event");
    say(format_args!("external extension: {}", event.contains("SHUTDOWN")));
}

#[test]
#[ignore = "an external extension, for the emulator"]
fn extends() {
    if env::var(CASE).is_ok() {
        register("external", r#"["SHUTDOWN"]"#);
    }
}

/// The file that a function writes to. It is removed when dropped.
pub(crate) struct Proof(std::path::PathBuf);

impl Proof {
    pub(crate) fn new() -> Self {
        use std::os::unix::fs::PermissionsExt;
        use std::sync::atomic::{AtomicUsize, Ordering};
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("signoff-proof-{}-{number}", process::id()));
        fs::write(&path, "").expect("a file");
        // Managed Instances run the function as another user.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).expect("ours");
        Self(path)
    }

    pub(crate) fn path(&self) -> String {
        self.0.display().to_string()
    }

    /// Returns the hooks that ran, in order.
    pub(crate) fn hooks(&self) -> Vec<String> {
        fs::read_to_string(&self.0).expect("a file").lines().map(str::to_owned).collect()
    }
}

impl Drop for Proof {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
