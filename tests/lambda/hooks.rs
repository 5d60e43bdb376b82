//! Hooks of a function, in Lambda and out of it: the other process of the tests.

use std::convert::Infallible;
use std::future::pending;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;
use std::{env, future, thread};

use lambda_runtime::{LambdaEvent, service_fn};
use signoff::lambda::{self, Extension, Install};
use signoff::{Hooks, Report};

use super::BOUND;
use super::function::{Function, WAY, say, start_case};

/// Starts a function that installs hooks in this `way`.
pub(crate) fn start(address: &str, way: &str) -> Function {
    start_case("hooks::installs", address, way, BOUND)
}

#[track_caller]
pub(crate) fn exits_with(function: Function, code: i32) {
    let (status, errors) = function.outcome();
    assert!(status.code() == Some(code) && errors.is_empty(), "{}: {errors}", told(status));
}

fn told(status: ExitStatus) -> String {
    format!("{status}, signal {:?}", status.signal())
}

fn hooks() -> Hooks {
    Hooks::new().hook("hook", async || say("hook")).on_report(|report| tell(&report))
}

fn tell(report: &Report) {
    say(format_args!("{:?} budget, asked by {}", report.budget(), report.reason().expect("asked")));
}

#[test]
#[ignore = "the other process of the tests"]
fn installs() {
    let Ok(way) = env::var(WAY) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    match &*way {
        "one closure" => runtime.block_on(async {
            let hook = async || say("hook");
            lambda::set_graceful_shutdown_handler(hook).await.expect("installed");
            waits();
        }),
        "no runtime" => ready(lambda::install(hooks())),
        "async-std" => async_std::task::block_on(async {
            lambda::install(hooks()).await.expect("installed");
            waits();
        }),
        "dropped" => {
            runtime.block_on(async { lambda::install(hooks()).await.expect("installed") });
            drop(runtime);
            waits();
        }
        "own budget" => ready(lambda::install(hooks().budget(Duration::from_millis(123)))),
        "budget" => ready(lambda::install(hooks()).budget(Duration::from_secs(2))),
        "hung" => ready(
            lambda::install(hooks().hook("hung", async || pending::<()>().await)).budget(BOUND * 9),
        ),
        "strict" => say(format_args!("{:?}", lambda::install(hooks()).strict().now().map(drop))),
        "without" => ready(lambda::install(hooks()).without_extension()),
        "named" => ready(lambda::install(hooks()).extension(Extension::default().name("mine"))),
        "two" => {
            let slow = async || {
                tokio::time::sleep(Duration::from_millis(200)).await;
                say("slow hook");
            };
            runtime
                .block_on(lambda::set_graceful_shutdown_handler(slow))
                .expect("installed")
                .join();
            ready(lambda::install(hooks()));
        }
        "asks" => {
            let installed = lambda::install(hooks()).now().expect("installed");
            installed.shutdown().request("enough");
            installed.join();
        }
        "run" => {
            let handler = service_fn(|event: LambdaEvent<String>| {
                future::ready(Ok::<_, Infallible>(event.payload))
            });
            let ended = runtime.block_on(lambda::run(handler, hooks()));
            say(ended.expect_err("not in Lambda"));
        }
        other => panic!("no way {other}"),
    }
}

fn ready(install: Install) {
    let installed = install.now().expect("installed");
    let failed = installed.registration_error().map(ToString::to_string);
    say(failed.as_deref().unwrap_or("no error"));
    waits();
}

/// As a handler that blocks the only thread.
fn waits() {
    say("waits");
    thread::sleep(BOUND);
}
