//! 8: children that share something with the process that listens.

use libc::SIGTERM;
use signoff::{Signal, Signals};

use super::Runtime;
use super::last_clone::Waiting;
use crate::common::linux::sleeping_clone;
use crate::common::system::{died_by, kill, wait_for};

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
