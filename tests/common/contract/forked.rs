//! 8: children that share something with the process that listens.

use libc::SIGTERM;
use signoff::{Signal, Signals};

use super::Runtime;
use super::last_clone::Waiting;
use crate::common::linux::{nest_pid_namespace, sleeping_clone};
use crate::common::skipped::skipped;
use crate::common::system::{CHILD_RETURNED, died_by, fork, kill, raise, wait_for};
use crate::common::{Case, say};

pub(crate) fn test_nested_namespace(case: &Case) {
    let Some(child) = case.start_as_first() else { return };
    if child.line() == "not allowed" {
        return skipped("a nested PID namespace is not allowed here");
    }
    child.kill(SIGTERM);
    child.expect("woken");
    child.passes();
}

/// Parent and child are the first process of their namespace: both have the process id 1.
pub(crate) fn nested_namespace<R: Runtime>() {
    say("started");
    R::block_on(async {
        let waiting = Waiting::on(R::listen()).await;
        if !nest_pid_namespace() {
            return say("not allowed");
        }
        let child = fork(|| {
            assert_eq!(std::process::id(), 1);
            raise(SIGTERM);
        });
        assert_eq!(libc::WEXITSTATUS(wait_for(child)), CHILD_RETURNED, "the kernel protects it");
        waiting.woken_from_outside().await;
    });
}

/// A signal ends a child that shares the memory of this process, and changes nothing here.
pub(crate) fn shared_memory<R: Runtime>() {
    R::block_on(async {
        let waiting = Waiting::on(R::listen()).await;
        let child = sleeping_clone();
        kill(child, SIGTERM);
        assert_eq!(died_by(wait_for(child)), Some(SIGTERM));
        drop(R::listen_to(Signals::default().with(Signal::Hangup)));
        waiting.goes_on().await;
    });
}
