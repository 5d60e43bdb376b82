//! What the tests share: child processes that get real signals.
//!
//! A case is a module with two functions. `child` runs in a process of its own, which is this very
//! test binary started again; `test` starts it, sends signals to it and looks at how it ends. The
//! child says on its standard output how far it has come, so no test sleeps and hopes. It also says
//! when its function starts and when it has returned, so no test passes with a child that did
//! nothing.
#![allow(dead_code, unused_imports, reason = "each test binary uses its own share")]
#![allow(unsafe_code, reason = "kill(2), and what a process inherits")]

pub(crate) mod bounded;
pub(crate) mod child;
pub(crate) mod contract;
mod in_child;
#[cfg(target_os = "linux")]
pub(crate) mod linux;
mod output;
pub(crate) mod pending;
pub(crate) mod runtimes;
pub(crate) mod skipped;
pub(crate) mod system;

pub(crate) use bounded::BOUND;
pub(crate) use child::{Case, Child, say, variant};
pub(crate) use in_child::{block, say_outcomes, silence_panics, ticks};

use std::thread;
use std::time::{Duration, Instant};

/// A signal after this is another press, never the same one.
pub(crate) const ANOTHER_PRESS: Duration = Duration::from_millis(260);

/// Waits for something that will be so in a moment.
#[track_caller]
pub(crate) fn until(what: &str, so: impl Fn() -> bool) {
    let deadline = Instant::now() + BOUND;
    while !so() {
        assert!(Instant::now() < deadline, "not so in time: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Runs `test` for all variants at the same time: most of them sleep more than they compute.
pub(crate) fn at_once<V: Send>(variants: impl IntoIterator<Item = V>, test: impl Fn(V) + Sync) {
    thread::scope(|scope| {
        for variant in variants {
            scope.spawn(|| test(variant));
        }
    });
}

/// Makes a case of each module: `test` is the parent, `child` the other process.
macro_rules! cases {
    ($($(#[$attribute:meta])* $case:ident: $test:expr, $child:expr;)*) => { $(
        $(#[$attribute])*
        mod $case {
            #[allow(unused_imports, reason = "what the two halves name")]
            use super::*;

            #[test]
            fn test() {
                let case = crate::common::Case::of(module_path!());
                let test: fn(&crate::common::Case) = $test;
                test(&case);
            }

            #[test]
            #[ignore = "the other process of `test`"]
            fn child() {
                crate::common::child::run($child);
            }
        }
    )* };
}
pub(crate) use cases;
