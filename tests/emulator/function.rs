//! The function of all cases, with our hooks or with AWS's helper.

use std::fs;
use std::future;
use std::io::{self, Write};
use std::mem::ManuallyDrop;
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::net::UnixStream;
use std::process;
use std::time::Duration;
use std::{env, thread};

use axum::Router;
use axum::routing::post;
use lambda_runtime::streaming::{self, Body, Response};
use lambda_runtime::{LambdaEvent, Runtime, SnapStartResource, service_fn};
use serde_json::{Value, json};
use signoff::InFlightEntry;
use signoff::lambda::{self, Installed, InvocationsLayer};
use signoff::{Hooks, InFlight, Report};

use super::extension::{PORT, register_internal};
use super::proof::prove;
use super::{BOUND, Helper};

pub(crate) const CASE: &str = "SIGNOFF_TEST_CASE";
/// The whole function is [`lambda::run`].
pub(crate) const RUN: &str = "run";
pub(crate) const HELPER: &str = "SIGNOFF_TEST_HELPER";

/// Reports to the test how far the function has come.
pub(super) fn say(line: impl std::fmt::Display) {
    let mut out = io::stdout().lock();
    writeln!(out, "\n@{line}").and_then(|()| out.flush()).expect("an open pipe");
}

#[test]
#[ignore = "a function, for the emulator"]
fn serves() {
    let Ok(case) = env::var(CASE) else { return };
    say(format_args!("started {}", process::id()));
    match &*case {
        "another internal extension" => register_internal("another"),
        "extension name is taken" => register_internal(Helper::of_this_process().extension_name()),
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
    } else if case == "a web server behind an adapter" {
        runtime().block_on(serve_web());
    } else if case == "runtime is dropped" {
        runtime().block_on(async {
            install(&case).await;
            tokio::time::sleep(Duration::from_millis(50)).await; // its tasks have started
        });
        runtime().block_on(serve(&case));
    } else {
        runtime().block_on(async {
            install(&case).await;
            if case == "SIGTERM during init" {
                say("init");
                thread::sleep(BOUND);
            }
            if case == "connection is renewed" {
                renew().await;
            }
            serve(&case).await;
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

async fn serve(case: &str) {
    let ended = match case {
        "`run_concurrent`" => {
            let layer = InvocationsLayer::new(InFlight::new());
            Runtime::new(service_fn(handler)).layer(layer).run_concurrent().await
        }
        _ if case.contains("streams") => lambda_runtime::run(service_fn(streams)).await,
        _ => lambda_runtime::run(service_fn(handler)).await,
    };
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

/// Sends the beginning of its response, and nothing after that.
async fn streams(event: LambdaEvent<Value>) -> Result<Response<Body>, lambda_runtime::Error> {
    let (mut sender, body) = streaming::channel();
    if event.payload.is_object() {
        sender.send_data(process::id().to_string().into()).await?;
        return Ok(Response::from(body));
    }
    tokio::spawn(async move {
        sender.send_data("beginning".into()).await.expect("a reader");
        say("streams");
        tokio::time::sleep(BOUND).await;
    });
    Ok(Response::from(body))
}

/// Breaks the connection on which the extension waits, and renews it as after a restore.
async fn renew() {
    let descriptors = fs::read_dir("/proc/self/fd").expect("proc").map_while(Result::ok);
    let descriptors = descriptors.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    for descriptor in descriptors.collect::<Vec<i32>>() {
        // SAFETY: it is open, and not closed here. A socket of another kind has no such address.
        let stream = ManuallyDrop::new(unsafe { TcpStream::from_raw_fd(descriptor) });
        if stream.peer_addr().is_ok() {
            stream.shutdown(Shutdown::Both).expect("the connection of the extension");
            say("broken");
        }
    }
    let renewed = lambda::Extension::default().after_restore().await;
    say(format_args!("renewed: {renewed:?}"));
}

/// A web server, which never calls the Runtime API.
async fn serve_web() {
    let installed = install_ours("a web server behind an adapter").await;
    let address = format!("127.0.0.1:{}", env::var(PORT).expect("set"));
    let listener = tokio::net::TcpListener::bind(address).await.expect("a free port");
    let app = Router::new().route("/", post(async || process::id().to_string()));
    let shutdown = installed.shutdown();
    let ended = axum::serve(listener, app).with_graceful_shutdown(shutdown).await;
    say(format_args!("server: {ended:?}"));
}

async fn install(case: &str) {
    match Helper::of_this_process() {
        Helper::Ours => drop(install_ours(case).await),
        Helper::Aws => install_aws(case).await,
    }
}

async fn install_ours(case: &str) -> Installed {
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
    let install = match case {
        "external extension only" | "a web server behind an adapter" => install.without_extension(),
        _ => install,
    };
    let installed = install.await.expect("handlers and threads");
    say(format_args!("installed {:?}", installed.registration_error()));
    installed
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
