//! 6: `SIGHUP` before a shutdown, in the middle of it, and after it.

use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use libc::{SIGHUP, SIGTERM, SIGUSR1};
use signal_hook::flag;
use signoff::{Signal, Signals};

use super::{Runtime, request_as_variant, stuck};
use crate::common::system::{died_by, disposition, fork, open_terminal, pause, raise, wait_for};
use crate::common::{Case, at_once, say, variant};

pub(crate) fn test_before(case: &Case) {
    let child = case.variant("never").ready();
    child.kill(SIGHUP);
    child.dies_by(SIGHUP);
}

/// What requests the shutdown.
const REQUESTS: [&str; 3] = ["request", "fail", "SIGTERM"];

pub(crate) fn test_during(case: &Case) {
    at_once(REQUESTS, |request| {
        let child = case.variant(request).ready();
        child.expect("asked");
        for _ in 0..2 {
            child.kill(SIGHUP);
        }
        child.kill(SIGUSR1);
        child.expect("drained");
        child.passes();
    });
}

/// Ctrl-C, and then the window of the terminal is closed.
pub(crate) fn test_terminal_closed(case: &Case) {
    let (mut keyboard, program) = open_terminal();
    let child = case.variant("Ctrl-C").on_terminal(program).ready();
    keyboard.write_all(b"\x03").expect("a terminal");
    child.expect("asked");
    drop(keyboard);
    child.kill(SIGUSR1);
    child.expect("drained");
    child.passes();
}

pub(crate) fn during<R: Runtime>() {
    R::block_on(async {
        let drained = R::listen_to(Signals::none().with(Signal::Other(SIGUSR1)));
        let shutdown = R::listen();
        say("ready");
        request_as_variant(&shutdown).await;
        say("asked");
        drained.await;
        say("drained");
    });
}

/// Neither a command nor a forked child of a hook ignores it.
pub(crate) fn children<R: Runtime>() {
    R::block_on(async {
        let shutdown = R::listen();
        raise(SIGTERM);
        (&shutdown).await;
        let status = Command::new("sh").args(["-c", "kill -HUP $$; exit 7"]).status();
        assert_eq!(status.expect("a shell").signal(), Some(SIGHUP));
        let child = fork(|| {
            raise(SIGHUP);
            pause()
        });
        assert_eq!(died_by(wait_for(child)), Some(SIGHUP));
        raise(SIGHUP);
    });
}

pub(crate) fn test_afterwards(case: &Case) {
    for over in ["the next listen", "requested and dropped", "a stream in the middle"] {
        let child = case.variant(over).ready();
        child.kill(SIGHUP);
        child.dies_by(SIGHUP);
    }
}

pub(crate) fn afterwards<R: Runtime>() {
    R::block_on(async {
        let shutdown = R::listen();
        let over = variant().expect("a variant");
        let next = if over == "requested and dropped" {
            shutdown.request("enough");
            drop(shutdown);
            None
        } else {
            raise(SIGTERM);
            shutdown.await;
            if over == "a stream in the middle" {
                drop(Signals::new([Signal::Hangup]).stream(R::Backend::default()));
            }
            Some(R::listen())
        };
        // After a stream there is a handler that does the default action.
        assert_eq!(disposition(SIGHUP) == libc::SIG_DFL, over != "a stream in the middle");
        say("ready");
        stuck();
        drop(next);
    });
}

/// Another handler keeps getting it, whenever it was installed; an ignored one stays ignored.
pub(crate) fn beside<R: Runtime>() {
    R::block_on(async {
        let flags = [(); 3].map(|()| Arc::new(AtomicBool::new(false)));
        let register = |flag: &Arc<AtomicBool>| flag::register(SIGHUP, Arc::clone(flag)).map(drop);
        let when = variant();
        let shutdown = R::listen();
        if when.as_deref() == Some("before") {
            register(&flags[0]).expect("a handler");
        }
        raise(SIGTERM);
        shutdown.await;
        register(&flags[1]).expect("a handler");
        let next = R::listen();
        register(&flags[2]).expect("a handler");
        raise(SIGHUP);
        let are_set = flags.map(|flag| flag.load(Ordering::SeqCst));
        assert_eq!(are_set, [when.as_deref() == Some("before"), true, true]);
        drop(next);
    });
}

pub(crate) fn test_beside(case: &Case) {
    case.variant("before").passes();
    case.variant("during").passes();
}

/// A reload that is no longer listened to, and then one that is listened to in the middle of the
/// shutdown.
pub(crate) fn streams<R: Runtime>() {
    R::block_on(async {
        let reloads = || Signals::new([Signal::Hangup]).stream(R::Backend::default());
        if variant().as_deref() == Some("before") {
            drop(reloads().expect("nothing is in the way"));
        }
        let shutdown = R::listen();
        raise(SIGTERM);
        shutdown.await;
        raise(SIGHUP);
        let mut late = reloads().expect("nothing is in the way");
        raise(SIGHUP);
        late.recv().await;
        drop(late);
        raise(SIGHUP);
    });
}

pub(crate) fn test_streams(case: &Case) {
    case.variant("before").passes();
    case.variant("during").passes();
}

pub(crate) fn test_ignored(case: &Case) {
    case.ignoring(SIGHUP).passes();
}

pub(crate) fn ignored<R: Runtime>() {
    R::block_on(async {
        let shutdown = R::listen();
        raise(SIGTERM);
        shutdown.await;
        drop(R::listen());
        assert_eq!(disposition(SIGHUP), libc::SIG_IGN);
    });
}
