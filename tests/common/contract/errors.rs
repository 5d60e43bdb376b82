//! 9: errors that every backend has in common.

use std::time::Instant;

use libc::SIGTERM;
use signoff::{Error, Signal, Signals};

use super::api::settles;
use super::{Runtime, stuck};
use crate::common::pending::once_pending;
use crate::common::system::{self, limit};
use crate::common::{BOUND, Case, say, variant};

const UNSUITABLE: [i32; 18] = [
    libc::SIGKILL,
    libc::SIGSTOP,
    libc::SIGILL,
    libc::SIGFPE,
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGTRAP,
    libc::SIGSYS,
    libc::SIGABRT,
    libc::SIGPIPE,
    libc::SIGCHLD,
    libc::SIGCONT,
    libc::SIGURG,
    libc::SIGWINCH,
    libc::SIGTSTP,
    libc::SIGTTIN,
    libc::SIGTTOU,
    libc::SIGIOT, // another name for SIGABRT
];

/// 32 and 33 belong to the C library, where that is glibc or musl.
const UNKNOWN: [i32; 8] = [0, -1, -15, 32, 65, 999, i32::MAX, i32::MIN];

/// In the end a signal does what it did before.
pub(crate) fn test_sets(case: &Case) {
    let child = case.ready();
    child.kill(SIGTERM);
    child.dies_by(SIGTERM);
}

pub(crate) fn sets<R: Runtime>() {
    R::block_on(async {
        let dispositions = dispositions();
        let listen = |signals: Signals| signals.listen(R::Backend::default()).map(drop);
        let nothing = Signals::default().without(Signal::Terminate).without(Signal::Interrupt);
        assert!(matches!(listen(nothing), Err(Error::NoSignals)));
        assert!(matches!(listen(Signals::none()), Err(Error::NoSignals)));
        for number in UNSUITABLE {
            let result = listen(Signals::default().with(Signal::Other(number)));
            assert!(
                matches!(result, Err(Error::NotAllowed(s)) if s.as_raw() == number),
                "{number}"
            );
        }
        assert_eq!(self::dispositions(), dispositions, "that much is known without a handler");
        drop(R::listen()); // a runtime of the process opens what it needs at its first use
        let descriptors = system::descriptors();
        for number in UNKNOWN {
            let result = listen(Signals::default().with(Signal::Other(number)));
            assert!(matches!(result, Err(Error::Unknown(s)) if s.as_raw() == number), "{number}");
        }
        settles("descriptors", descriptors, system::descriptors);
        say("ready");
        stuck();
    });
}

/// What each signal does.
fn dispositions() -> Vec<libc::sighandler_t> {
    (1..32).map(system::disposition).collect()
}

/// In the end signals do what they did before, or are listened to.
pub(crate) fn test_descriptors(case: &Case) {
    let child = case.ready();
    child.kill(SIGTERM);
    child.dies_by(SIGTERM);

    let child = case.variant("listen").ready();
    child.kill(SIGTERM);
    child.expect("woken");
    child.passes();
}

pub(crate) fn descriptors<R: Runtime>() {
    let errors = R::inside(one_more_at_a_time::<R>);
    assert!(errors >= 1, "the notifier is a descriptor");
    R::block_on(async {
        if variant().as_deref() == Some("listen") {
            once_pending(R::listen(), || say("ready")).await;
            say("woken");
        } else {
            say("ready");
            stuck();
        }
    });
}

/// One more descriptor at each turn until there are enough, so that `listen` fails in every place
/// that needs one. Returns how often it failed.
fn one_more_at_a_time<R: Runtime>() -> libc::rlim_t {
    drop(R::listen()); // the first use of a reactor panics without descriptors, as in every program
    let (mut errors, start) = (0, Instant::now());
    loop {
        let before = system::descriptors();
        let generous = limit(libc::RLIMIT_NOFILE, system::free_descriptor() + errors);
        let result = Signals::default().listen(R::Backend::default()).map(drop);
        limit(libc::RLIMIT_NOFILE, generous);
        match result {
            // A thread may have closed the descriptor of the first listener only now.
            Ok(()) if errors == 0 && start.elapsed() < BOUND => continue,
            Ok(()) => return errors,
            Err(Error::Descriptor(source)) => {
                assert_eq!(source.raw_os_error(), Some(libc::EMFILE), "{source}");
            }
            Err(error) => panic!("{error:?}"),
        }
        settles("descriptors", before, system::descriptors);
        errors += 1;
    }
}
