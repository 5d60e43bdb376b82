//! The texts of errors, and their causes.

use std::error::Error as _;
use std::{error, fmt, io};

use signoff::lambda::{Error, RegistrationError};

/// An error with a cause.
#[derive(Debug)]
struct Outer(io::Error);

impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("outer text")
    }
}

impl error::Error for Outer {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        Some(&self.0)
    }
}

fn with_a_cause() -> io::Error {
    io::Error::other(Outer(io::Error::other("inner text")))
}

fn unreachable() -> RegistrationError {
    RegistrationError::Io { address: "host:1".to_owned(), source: with_a_cause() }
}

/// Returns the text of the error and of all its causes.
fn chain(error: &dyn error::Error) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[test]
fn a_chain_has_each_text_once() {
    for chain in [chain(&unreachable()), chain(&Error::Registration(unreachable()))] {
        assert_eq!(chain.matches("outer text").count(), 1, "{chain}");
        assert_eq!(chain.matches("inner text").count(), 1, "{chain}");
    }
}

#[test]
fn debug_prints_the_message() {
    let error = unreachable();
    assert_eq!(format!("{error:?}"), error.to_string());
    for error in [Error::Registration(unreachable()), Error::NotInLambda] {
        assert_eq!(format!("{error:?}"), error.to_string());
    }
    assert!(Error::NotInLambda.source().is_none());
}
