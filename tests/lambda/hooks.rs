//! The hooks of a function, in Lambda and outside it.

use std::convert::Infallible;
use std::future::{IntoFuture, pending};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;
use std::{env, future, thread};

use lambda_runtime::tower::Service;
use lambda_runtime::{LambdaEvent, service_fn};
use signoff::lambda::{self, Error, Extension, Install};
use signoff::{Hooks, Report};

use super::BOUND;
use super::fake::{self, Api, registered};
use super::function::{Function, WAY, kind, refuse_threads, say, start_case};

/// Starts a function that installs its hooks in this way.
fn start(address: &str, way: &str) -> Function {
    start_case("hooks::installs", address, way, BOUND)
}

#[track_caller]
fn exits_with(function: Function, code: i32) {
    let (status, errors) = function.outcome();
    assert!(status.code() == Some(code) && errors.is_empty(), "{}: {errors}", describe(status));
}

fn describe(status: ExitStatus) -> String {
    format!("{status}, signal {:?}", status.signal())
}

fn hooks() -> Hooks {
    Hooks::new().hook("hook", async || say("hook"))
}

fn install() -> Install {
    install_with(hooks())
}

fn install_with(hooks: Hooks) -> Install {
    lambda::install(hooks).on_report(|report| describe_report(&report))
}

fn describe_report(report: &Report) {
    let reason = report.reason().expect("a reason");
    say(format_args!("{:?} budget, {reason}", report.budget()));
}

/// A hook that takes longer than the rest of the process, with time enough on a busy machine.
fn install_slow() -> Install {
    lambda::install(Hooks::new().hook("slow", slow_hook)).budget(BOUND)
}

async fn slow_hook() {
    tokio::time::sleep(Duration::from_millis(200)).await;
    say("slow hook");
}

#[test]
#[ignore = "the process of a function"]
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
        "not polled" => {
            let _installing = install().into_future();
            waits();
        }
        "async-std" => async_std::task::block_on(async {
            let _installed = install().await.expect("installed");
            waits();
        }),
        "dropped" => {
            drop(runtime.block_on(async { install().await.expect("installed") }));
            drop(runtime);
            waits();
        }
        "own budget" => ready(install_with(hooks().budget(Duration::from_millis(123)))),
        "budget" => ready(install().budget(Duration::from_secs(2))),
        "longer budget" => ready(
            install_with(hooks().budget(Duration::from_millis(123))).budget(Duration::from_secs(2)),
        ),
        "hung" => ready(
            install_with(hooks().hook("hung", async || pending::<()>().await)).budget(BOUND * 9),
        ),
        "abandoned" => {
            let hooks = hooks().hook("hung", async || pending::<()>().await);
            ready(lambda::install(hooks).budget(Duration::from_millis(1500)));
        }
        "logs" => {
            tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).init();
            let installed = install().start().expect("installed");
            installed.shutdown().request("enough");
            installed.join();
        }
        "strict" => match install().strict().start() {
            Err(Error::Registration(error)) => say(kind(&error)),
            other => say(format_args!("{other:?}")),
        },
        "without" => ready(install().without_extension()),
        "named" => ready(install().extension(Extension::default().name("mine"))),
        "no threads" => runtime.block_on(async {
            refuse_threads();
            say(install().await.expect_err("no threads"));
            waits();
        }),
        "two" => {
            install_slow().start().expect("installed").join();
            ready(install());
        }
        "two, requested" => {
            let _first = install_slow().start().expect("installed");
            let second = install().start().expect("installed");
            second.shutdown().request("enough");
            second.join();
        }
        "requests" => {
            let installed = install().start().expect("installed");
            installed.shutdown().request("enough");
            installed.join();
        }
        "main returns" => {
            let installed = install_slow().start().expect("installed");
            say("waits");
            installed.shutdown().wait();
        }
        "run" => {
            let hooks = hooks().hook("slow", slow_hook);
            let install = lambda::install(hooks).budget(BOUND);
            let install = install.on_report(|report| say(report.hooks()[0].name()));
            let ended = runtime.block_on(install.run(handler()));
            say(ended.expect_err("the Runtime API is gone"));
        }
        "run outside Lambda" => {
            let ended = runtime.block_on(lambda::run(handler(), hooks()));
            say(ended.expect_err("not in Lambda"));
        }
        other => panic!("no way {other}"),
    }
}

fn handler()
-> impl Service<LambdaEvent<String>, Response = String, Error = Infallible, Future: Send> {
    service_fn(|event: LambdaEvent<String>| future::ready(Ok::<_, Infallible>(event.payload)))
}

fn ready(install: Install) {
    let installed = install.start().expect("installed");
    let failed = installed.registration_error().map(ToString::to_string);
    say(failed.as_deref().unwrap_or("no error"));
    waits();
}

/// Blocks the only thread, like a handler may do.
fn waits() {
    say("waits");
    thread::sleep(BOUND);
}

#[test]
fn hooks_run_outside_lambda() {
    for (signal, name) in [(libc::SIGTERM, "SIGTERM"), (libc::SIGINT, "SIGINT")] {
        for way in ["no runtime", "async-std", "dropped"] {
            let function = start("", way);
            function.waits();
            function.kill(signal);
            function.says("hook");
            let report = function.line();
            assert!(report.starts_with(&format!("450ms budget, {name}")), "{report}");
            exits_with(function, 0);
        }
    }
}

#[test]
fn a_single_closure() {
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
fn hooks_of_all_calls_run() {
    let function = start("", "two");
    function.says("no error");
    function.says("waits");
    function.kill(libc::SIGTERM);
    let said = lines_in_any_order(&function);
    assert!(said.contains(&"hook".into()) && said.contains(&"slow hook".into()), "{said:?}");
    exits_with(function, 0);
}

/// The report of one call and the hook of another: a busy machine may swap them.
fn lines_in_any_order(function: &Function) -> [String; 3] {
    [(); 3].map(|()| function.line())
}

#[test]
fn all_calls_share_one_signal() {
    let function = start("", "two, requested");
    let said = lines_in_any_order(&function);
    for line in ["hook", "450ms budget, request: enough", "slow hook"] {
        assert!(said.contains(&line.into()), "{said:?}");
    }
    exits_with(function, 0);
}

#[test]
fn nothing_is_installed_before_the_first_poll() {
    let api = Api::answering(registered());
    let function = start(&api.address.to_string(), "not polled");
    function.says("waits");
    function.kill(libc::SIGTERM);
    let (status, _) = function.outcome();
    assert_eq!(status.signal(), Some(libc::SIGTERM));
    assert!(api.is_left_alone());
}

#[test]
fn run_waits_for_the_hooks_and_reports_the_invocation_first() {
    let api = Api::answering(registered());
    let function = start(&api.address.to_string(), "run");
    while !api.request().contains("/runtime/invocation/next ") {}
    function.kill(libc::SIGTERM);
    function.says("hook");
    api.parked.lock().expect("no panic").clear(); // ends `lambda_runtime::run`
    function.says("slow hook");
    function.says("invocation");
    exits_with(function, 0);
}

#[test]
fn a_main_that_returns_waits_for_the_hooks() {
    let function = start("", "main returns");
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
fn a_failed_registration_is_no_error() {
    let api = Api::answering("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    let function = start(&api.address.to_string(), "no runtime");
    assert!(function.line().contains("extensions are disabled"));
    function.says("waits");
    function.kill(libc::SIGTERM);
    function.says("hook");
    let _report = function.line();
    exits_with(function, 0);
}

#[cfg(feature = "tracing")]
#[test]
fn a_failed_registration_is_logged() {
    let api = Api::answering("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    let (status, errors) = start(&api.address.to_string(), "logs").outcome();
    let event = " WARN signoff: no extension is registered error=the Runtime API refused";
    assert!(status.success() && errors.contains(event), "{status}: {errors}");
}

#[test]
fn a_failed_installation_leaves_nothing_behind() {
    let function = start("", "no threads");
    assert!(function.line().starts_with("no thread "));
    function.says("waits");
    function.kill(libc::SIGTERM);
    let (status, _) = function.outcome();
    assert_eq!(status.signal(), Some(libc::SIGTERM));
}

#[test]
fn a_failed_registration_is_an_error_if_strict() {
    let api = Api::answering("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    let function = start(&api.address.to_string(), "strict");
    function.says("Refused");
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
    for (way, budget) in [("own budget", "123ms"), ("budget", "2s"), ("longer budget", "2s")] {
        let function = start("", way);
        function.says("no error");
        function.says("waits");
        function.kill(libc::SIGTERM);
        function.says("hook");
        assert!(function.line().starts_with(&format!("{budget} budget")));
        exits_with(function, 0);
    }
}

#[test]
fn a_second_ctrl_c_exits() {
    let function = start("", "hung");
    function.says("no error");
    function.says("waits");
    function.kill(libc::SIGINT);
    function.says("hook");
    thread::sleep(Duration::from_millis(260)); // within 250 ms, it is the same press
    function.kill(libc::SIGINT);
    let (status, errors) = function.outcome();
    assert!(status.signal() == Some(libc::SIGINT) && errors.is_empty(), "{}", describe(status));
}

/// Elsewhere, `exit_on` prints a line after a second, and the report if a hook is abandoned.
#[test]
fn nothing_is_printed() {
    let function = start("", "abandoned");
    function.waits();
    function.kill(libc::SIGTERM);
    function.says("hook");
    exits_with(function, 1);
}

#[test]
fn the_program_can_request_the_shutdown() {
    let function = start("", "requests");
    function.says("hook");
    function.says("450ms budget, request: enough");
    exits_with(function, 0);
}

#[test]
fn run_is_an_error_outside_lambda() {
    let function = start("", "run outside Lambda");
    assert!(function.line().contains("`cargo lambda watch`"));
    function.ends();
}
