//! A restored environment: `lambda_runtime` renews the extension's connection.

use std::env;
use std::time::Duration;

use futures_lite::future::block_on;
use lambda_runtime::{LambdaEvent, Runtime, SnapStartResource, service_fn};
use signoff::lambda::{self, Extension};
use signoff::{Hooks, ShutdownSignal};

use super::BOUND;
use super::fake::{self, Api, IDENTIFIER, refused, registered};
use super::function::{Function, WAY, say, start_with};

const EVENT: &str = "GET /2020-01-01/extension/event/next ";
const RESTORED: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

fn start(address: &str, way: &str) -> Function {
    start_with("snapstart::is_restored", address, way, BOUND, "snap-start")
}

#[test]
#[ignore = "the process of a function"]
fn is_restored() {
    let Ok(way) = env::var(WAY) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let handler = service_fn(async |event: LambdaEvent<String>| {
        Ok::<_, lambda_runtime::Error>(event.payload)
    });
    let install = lambda::install(Hooks::new().hook("hook", async || say("hook")));
    let ended = match &*way {
        "run" => runtime.block_on(install.run(handler)),
        "serve" => runtime.block_on(async { install.serve(Runtime::new(handler)).await }),
        "without" => runtime.block_on(install.without_extension().run(handler)),
        "times out" => {
            tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).init();
            Extension::default().register().expect("registered");
            let extension = Extension::default().timeout(Duration::ZERO);
            say(format_args!("{:?}", block_on(extension.after_restore()).is_ok()));
            Ok(())
        }
        other => panic!("no way {other}"),
    };
    say(format_args!("{ended:?}"));
}

/// A Runtime API that restores the environment when the signal is requested.
fn restoring() -> (Api, ShutdownSignal) {
    let restore = ShutdownSignal::manual();
    let requested = restore.clone();
    let api = Api::choosing(move |request| {
        if request.contains("/restore/next ") {
            requested.wait();
            return RESTORED.to_owned();
        }
        registered()
    });
    (api, restore)
}

/// Returns the request of the extension among the next ones, which have these paths in any order.
fn event_among(api: &Api, paths: &[&str]) -> String {
    let requests: Vec<_> = paths.iter().map(|_| api.request()).collect();
    for path in paths {
        assert!(requests.iter().any(|request| request.contains(path)), "{path}: {requests:?}");
    }
    requests.into_iter().find(|request| request.contains(EVENT)).expect("one of them")
}

const INIT: &[&str] = &["/extension/register ", EVENT, "/restore/next "];
const AFTER_RESTORE: &[&str] = &[EVENT, "/runtime/invocation/next "];

#[test]
fn a_broken_connection_is_renewed() {
    for way in ["run", "serve"] {
        let (api, restore) = restoring();
        let function = start(&api.address.to_string(), way);
        let first = event_among(&api, INIT);
        api.parked.lock().expect("no panic").clear();
        restore.request("restored");
        assert!(first.contains(IDENTIFIER), "{first}");
        assert_eq!(event_among(&api, AFTER_RESTORE), first);
        function.kill(libc::SIGTERM);
        function.says("hook");
        assert!(function.outcome().0.success());
    }
}

/// AWS refuses the second request then, and keeps the extension.
#[test]
fn an_intact_connection_is_replaced() {
    let (api, restore) = restoring();
    let function = start(&api.address.to_string(), "run");
    event_among(&api, INIT);
    let (_, mut first) = api.parked.lock().expect("no panic").pop().expect("parked");
    restore.request("restored");
    let renewed = event_among(&api, AFTER_RESTORE);
    fake::hang(&mut first); // until the function closes it
    let refused = refused("403 Forbidden", "Extension.InvalidExtensionState", "Ready to Ready");
    for (request, stream) in &mut *api.parked.lock().expect("no panic") {
        if *request == renewed {
            fake::say(stream, &refused);
        }
    }
    function.kill(libc::SIGTERM);
    function.says("hook");
    assert!(function.outcome().0.success());
}

#[test]
fn without_an_extension_nothing_is_renewed() {
    let (api, restore) = restoring();
    let function = start(&api.address.to_string(), "without");
    assert!(api.request().contains("/restore/next "));
    restore.request("restored");
    assert!(api.request().contains("/runtime/invocation/next "));
    function.kill(libc::SIGTERM);
    function.says("hook");
    assert!(api.is_left_alone());
}

#[test]
fn a_connection_that_cannot_be_renewed_is_no_error() {
    let api = Api::answering(registered());
    let function = start(&api.address.to_string(), "times out");
    function.says("true");
    let (_, errors) = function.outcome();
    let event = " WARN signoff: the extension's connection is not renewed error=cannot register";
    assert!(!cfg!(feature = "tracing") || errors.contains(event), "{errors}");
}
