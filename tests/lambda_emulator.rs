//! Functions in AWS's own Runtime Interface Emulator: what it does to them, and what they do.
#![allow(unsafe_code, reason = "kill(2)")]

mod emulator;

use std::io::{self, Write};
use std::process;

use emulator::{Mode, Setup};
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;
use signoff::lambda::Extension;
use signoff::{ShutdownSignal, Tokio};

const BOTH: [Mode; 2] = [Mode::Classic, Mode::ManagedInstances];

/// The emulator lost patience and sent `SIGKILL`.
const KILLED: &str = "Killing it";

fn say(line: impl std::fmt::Display) {
    let mut out = io::stdout().lock();
    writeln!(out, "\n@{line}").and_then(|()| out.flush()).expect("the test listens");
}

/// Serves invocations until `SIGTERM`, with or without an extension.
fn serve(extension: Option<Extension>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let shutdown = ShutdownSignal::listen(Tokio).expect("a handler");
        if let Some(extension) = extension {
            say(format_args!("{:?}", extension.register()));
        }
        let handler = service_fn(async |event: LambdaEvent<Value>| {
            Ok::<_, lambda_runtime::Error>(event.payload)
        });
        match shutdown.until(lambda_runtime::run(handler)).await {
            None => say(shutdown.wait()),
            Some(ended) => say(format_args!("{ended:?}")),
        }
    });
    process::exit(0);
}

#[test]
#[ignore = "a function"]
fn with_extension() {
    serve(Some(Extension::default()));
}

#[test]
#[ignore = "a function"]
fn without_extension() {
    serve(None);
}

#[test]
fn with_an_extension_sigterm_comes() {
    for mode in BOTH {
        let Some(emulator) = Setup::new(mode, "with_extension").start() else { continue };
        let answer = emulator.invoke("[1, 2]");
        assert_eq!((answer.status, &*answer.body), (200, "[1,2]"), "{}", emulator.log);
        let log = emulator.shut_down();
        assert!(log.has("@Ok(true)"), "{log}");
        assert!(log.has("@SIGTERM from pid"), "{log}");
        assert!(!log.has(KILLED), "{log}");
    }
}

#[test]
fn without_one_it_does_not() {
    for mode in BOTH {
        let Some(emulator) = Setup::new(mode, "without_extension").start() else { continue };
        assert_eq!(emulator.invoke("{}").status, 200, "{}", emulator.log);
        let log = emulator.shut_down();
        assert!(log.has("Sending SIGKILL") && !log.has("@SIGTERM"), "{log}");
    }
}
