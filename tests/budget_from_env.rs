//! The budget from the environment of a real process.
#![cfg(unix)]

mod common;

use std::error::Error as _;
use std::io;
use std::time::Duration;

use common::{Case, cases, variant};
use signoff::{Error, Hooks};

const VARIABLE: &str = "SHUTDOWN_TIMEOUT";

fn with(case: &Case, value: &str) -> Case {
    case.under(&["env", format!("{VARIABLE}={value}").leak()])
}

fn hooks() -> Result<Hooks, Error> {
    Hooks::new().budget(Duration::from_secs(7)).budget_from_env(VARIABLE)
}

cases! {
    the_variable_sets_the_budget: |case| {
        for (value, milliseconds) in [("10s", "10000"), ("500ms", "500"), ("1m30s", "90000")] {
            with(&case.variant(milliseconds), value).passes();
        }
        case.variant("7000").under(&["env", "-u", VARIABLE]).passes();
    }, || {
        let report = hooks().unwrap().run_blocking();
        assert_eq!(report.budget().as_millis().to_string(), variant().unwrap());
    };

    a_bad_value_is_an_error_that_quotes_it: |case| {
        for value in ["10", "soon", "1.5s", ""] {
            with(&case.variant(value), value).passes();
        }
    }, || {
        let error = hooks().unwrap_err();
        let value = variant().unwrap();
        let expected = format!(
            "SHUTDOWN_TIMEOUT={value:?} is not a duration: write it like 10s, 500ms or 1m30s"
        );
        assert_eq!((error.to_string(), format!("{error:?}")), (expected.clone(), expected));
        assert!(error.source().is_none());
        assert_eq!(io::Error::from(error).kind(), io::ErrorKind::InvalidInput);
    };
}
