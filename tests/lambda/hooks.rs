//! Hooks of a function, in Lambda and out of it.

use std::convert::Infallible;
use std::future::pending;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;
use std::{env, fs, future, thread};

use lambda_runtime::{LambdaEvent, service_fn};
use signoff::lambda::{self, Extension, Install};
use signoff::{Hooks, Report};

use super::BOUND;
use super::fake::{self, Api, registered};
use super::function::{Function, WAY, say, start_case};

/// Starts a function that installs hooks in this `way`.
fn start(address: &str, way: &str) -> Function {
    start_case("hooks::installs", address, way, BOUND)
}

#[track_caller]
fn exits_with(function: Function, code: i32) {
    let (status, errors) = function.outcome();
    assert!(status.code() == Some(code) && errors.is_empty(), "{}: {errors}", told(status));
}

fn told(status: ExitStatus) -> String {
    format!("{status}, signal {:?}", status.signal())
}

fn hooks() -> Hooks {
    Hooks::new().hook("hook", async || say("hook"))
}

fn install() -> Install {
    lambda::install(hooks()).on_report(|report| tell(&report))
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
            let _installed = lambda::set_graceful_shutdown_handler(hook).await.expect("installed");
            waits();
        }),
        "no runtime" => ready(install()),
        "async-std" => async_std::task::block_on(async {
            let _installed = install().await.expect("installed");
            waits();
        }),
        "dropped" => {
            drop(runtime.block_on(async { install().await.expect("installed") }));
            drop(runtime);
            waits();
        }
        "own budget" => ready(
            lambda::install(hooks().budget(Duration::from_millis(123)))
                .on_report(|report| tell(&report)),
        ),
        "budget" => ready(install().budget(Duration::from_secs(2))),
        "hung" => ready(
            lambda::install(hooks().hook("hung", async || pending::<()>().await)).budget(BOUND * 9),
        ),
        "strict" => say(format_args!("{:?}", install().strict().start().map(drop))),
        "without" => ready(install().without_extension()),
        "named" => ready(install().extension(Extension::default().name("mine"))),
        "no threads" => runtime.block_on(async {
            refuse_threads();
            say(format_args!("{:?}", install().await.map(drop)));
            waits();
        }),
        "two" => {
            let slow = async || {
                tokio::time::sleep(Duration::from_millis(200)).await;
                say("slow hook");
            };
            runtime
                .block_on(lambda::set_graceful_shutdown_handler(slow))
                .expect("installed")
                .join();
            ready(install());
        }
        "asks" => {
            let installed = install().start().expect("installed");
            installed.shutdown().request("enough");
            installed.join();
        }
        "ends" => {
            let slow = async || {
                tokio::time::sleep(Duration::from_millis(200)).await;
                say("slow hook");
            };
            let slow = lambda::set_graceful_shutdown_handler(slow);
            let installed = runtime.block_on(slow).expect("installed");
            say("waits");
            installed.shutdown().wait();
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

/// There is no room left for the stack of one.
fn refuse_threads() {
    let statm = fs::read_to_string("/proc/self/statm").expect("proc");
    let pages: libc::rlim_t = statm.split(' ').next().expect("a size").parse().expect("a number");
    let rlim_cur = pages * 4096 + 1_000_000;
    let limit = libc::rlimit { rlim_cur, rlim_max: rlim_cur };
    // SAFETY: the pointer is to a live limit.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limit) }, 0);
}

fn ready(install: Install) {
    let installed = install.start().expect("installed");
    let failed = installed.registration_error().map(ToString::to_string);
    say(failed.as_deref().unwrap_or("no error"));
    waits();
}

/// As a handler that blocks the only thread.
fn waits() {
    say("waits");
    thread::sleep(BOUND);
}

#[test]
fn hooks_run_out_of_lambda_too() {
    for (signal, name) in [(libc::SIGTERM, "SIGTERM"), (libc::SIGINT, "SIGINT")] {
        for way in ["no runtime", "async-std", "dropped"] {
            let function = start("", way);
            function.waits();
            function.kill(signal);
            function.says("hook");
            let report = function.line();
            assert!(report.starts_with(&format!("450ms budget, asked by {name}")), "{report}");
            exits_with(function, 0);
        }
    }
}

#[test]
fn one_closure() {
    let api = Api::answering(registered());
    let function = start(&api.address.to_string(), "one closure");
    function.says("waits");
    assert!(api.request().starts_with("POST "));
    assert!(api.request().starts_with("GET "));
    function.kill(libc::SIGTERM);
    function.says("hook");
    exits_with(function, 0);
}

#[test]
fn all_calls_add_their_hooks() {
    let function = start("", "two");
    function.says("no error");
    function.says("waits");
    function.kill(libc::SIGTERM);
    function.says("hook");
    let _report = function.line();
    function.says("slow hook");
    exits_with(function, 0);
}

#[test]
fn a_main_that_ends_does_not_cut_the_hooks_off() {
    let function = start("", "ends");
    function.says("waits");
    function.kill(libc::SIGTERM);
    function.says("slow hook");
    exits_with(function, 0);
}

#[test]
fn hooks_run_while_the_registration_hangs() {
    let api = Api::new("127.0.0.1:0", fake::hang);
    let function = start(&api.address.to_string(), "no runtime");
    let _registration = api.request();
    function.kill(libc::SIGTERM);
    function.says("hook");
    let _report = function.line();
    exits_with(function, 0);
}

#[test]
fn a_function_goes_on_without_the_registration() {
    let api = Api::answering("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    let function = start(&api.address.to_string(), "no runtime");
    assert!(function.line().contains("no extensions here"));
    function.says("waits");
    function.kill(libc::SIGTERM);
    function.says("hook");
    let _report = function.line();
    exits_with(function, 0);
}

#[test]
fn what_cannot_be_installed_leaves_nothing_behind() {
    let function = start("", "no threads");
    assert!(function.line().starts_with("Err(Signal(Thread("));
    function.says("waits");
    function.kill(libc::SIGTERM);
    let (status, _) = function.outcome();
    assert_eq!(status.signal(), Some(libc::SIGTERM));
}

#[test]
fn unless_it_is_strict() {
    let api = Api::answering("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    let function = start(&api.address.to_string(), "strict");
    assert!(function.line().starts_with("Err(Registration(NotFound("));
    function.ends();
}

#[test]
fn the_extension_can_be_chosen() {
    let api = Api::answering(registered());
    let function = start(&api.address.to_string(), "named");
    function.says("no error");
    assert!(api.request().contains("\r\nLambda-Extension-Name: mine\r\n"));
    drop(function);

    let api = Api::answering(registered());
    let function = start(&api.address.to_string(), "without");
    function.says("no error");
    function.says("waits");
    assert!(api.is_left_alone());
}

#[test]
fn the_budget_can_be_chosen() {
    for (way, budget) in [("own budget", "123ms budget"), ("budget", "2s budget")] {
        let function = start("", way);
        function.says("no error");
        function.says("waits");
        function.kill(libc::SIGTERM);
        function.says("hook");
        assert!(function.line().starts_with(budget));
        exits_with(function, 0);
    }
}

#[test]
fn a_second_ctrl_c_gets_out() {
    let function = start("", "hung");
    function.says("no error");
    function.says("waits");
    function.kill(libc::SIGINT);
    function.says("hook");
    thread::sleep(Duration::from_millis(260)); // sooner, it would be the same press
    function.kill(libc::SIGINT);
    exits_with(function, 130);
}

#[test]
fn the_program_may_ask_too() {
    let function = start("", "asks");
    function.says("hook");
    function.says("450ms budget, asked by request: enough");
    exits_with(function, 0);
}

#[test]
fn out_of_lambda_there_is_nothing_to_serve() {
    let function = start("", "run");
    assert!(function.line().contains("`cargo lambda watch`"));
    function.ends();
}
