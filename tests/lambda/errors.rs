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

fn all() -> Vec<RegistrationError> {
    vec![
        RegistrationError::Unreachable { address: "host:1".to_owned(), source: with_a_cause() },
        RegistrationError::Thread { host: "host".to_owned(), source: with_a_cause() },
        RegistrationError::Disconnected(with_a_cause()),
    ]
}

/// Returns the text of the error and of all its causes.
fn chain(error: &dyn error::Error) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[test]
fn a_chain_has_each_text_once() {
    for error in all() {
        let chain = chain(&error);
        assert_eq!(chain.matches("outer text").count(), 1, "{chain}");
        assert_eq!(chain.matches("inner text").count(), 1, "{chain}");
    }
    for error in all().into_iter().map(Error::Registration) {
        let chain = chain(&error);
        assert_eq!(chain.matches("outer text").count(), 1, "{chain}");
        assert_eq!(chain.matches("inner text").count(), 1, "{chain}");
    }
}

#[test]
fn debug_prints_the_message() {
    for error in all() {
        assert_eq!(format!("{error:?}"), error.to_string());
        let error = Error::Registration(error);
        assert_eq!(format!("{error:?}"), error.to_string());
    }
    let error = Error::NotInLambda;
    assert_eq!(format!("{error:?}"), error.to_string());
    assert!(error.source().is_none());
}
