//! `exit_on` as the end of a `main` with each error type: `.await?; Ok(())`, without a conversion.
#![cfg(unix)]

mod common;

use std::error::Error;
use std::io;

use common::{cases, say, system, variant};
use futures_lite::future::block_on;
use signoff::hooks::ExitOn;
use signoff::{Hooks, ShutdownSignal};

fn exit_on() -> ExitOn {
    Hooks::new().hook("cache", async || say("hook")).exit_on(ShutdownSignal::manual())
}

/// A module with a `main` for each way to run, all of this type.
macro_rules! mains {
    ($($name:ident: $result:ty;)*) => {
        $(mod $name {
            #[allow(unused_imports, reason = "what the type names")]
            use super::*;

            pub(super) async fn run() -> $result {
                exit_on().run(async {}).await?;
                Ok(())
            }

            pub(super) async fn run_with() -> $result {
                exit_on().run_with(|_| async {}).await?;
                Ok(())
            }

            pub(super) fn run_blocking() -> $result {
                exit_on().run_blocking(|| ())?;
                Ok(())
            }

            pub(super) fn start() -> $result {
                let _guard = exit_on().start()?;
                Ok(())
            }
        })*

        const MAINS: &[&str] = &[$(stringify!($name)),*];

        /// Returns the text of the error with which the `main` ends.
        fn error_of(name: &str, way: &str) -> String {
            match name {
                $(stringify!($name) => {
                    let result = match way {
                        "run" => block_on($name::run()),
                        "run_with" => block_on($name::run_with()),
                        "run_blocking" => $name::run_blocking(),
                        _ => $name::start(),
                    };
                    result.unwrap_err().to_string()
                })*
                _ => unreachable!("no such main"),
            }
        }
    };
}

mains! {
    boxed: Result<(), Box<dyn Error>>;
    boxed_send_sync: Result<(), Box<dyn Error + Send + Sync>>;
    anyhow_result: anyhow::Result<()>;
    eyre_result: eyre::Result<()>;
    io_result: io::Result<()>;
    own: Result<(), signoff::Error>;
}

const WAYS: [&str; 4] = ["run", "run_with", "run_blocking", "start"];

cases! {
    each_main_ends_the_process: |case| {
        for main in MAINS {
            let child = case.variant(main).start();
            child.expect("hook");
            child.exits_with(0);
        }
    }, || {
        let error = error_of(&variant().unwrap(), "run");
        panic!("the process exits before: {error}");
    };

    each_main_gets_the_error: |case| case.start().passes(), || {
        system::refuse_threads();
        for main in MAINS {
            for way in WAYS {
                let error = error_of(main, way);
                assert!(error.contains("ulimit -u"), "{main}, {way}: {error}");
            }
        }
    };
}
