//! 1 and 9: the descriptor that the signal handler makes readable.

use std::fs;
use std::os::fd::RawFd;

use futures_lite::future;
use libc::SIGTERM;

use super::Runtime;
use crate::common::linux::{ClosedOutput, cpu_time, is_inherited, is_open};
use crate::common::pending::once_pending;
use crate::common::system::{self, limit, raise};
use crate::common::{self, Case};
use std::time::{Duration, Instant};

pub(crate) fn test_closed_output(case: &Case) {
    let child = case.ready();
    child.kill(SIGTERM);
    child.expect("woken");
    child.passes();
}

/// Standard output is closed before `listen`. Later prints must not look like a signal.
pub(crate) fn closed_output<R: Runtime>() {
    R::block_on(async {
        drop(R::listen()); // opens what a process needs once, such as a reactor
        let output = ClosedOutput::new();
        let shutdown = R::listen();
        println!("more than eight bytes");
        once_pending(shutdown, || output.say("ready")).await;
        output.say("woken");
    });
}

/// A program that this one starts does not inherit a descriptor.
pub(crate) fn not_inherited<R: Runtime>() {
    R::block_on(async {
        let before = open_descriptors();
        let shutdown = R::listen();
        let output = ClosedOutput::new(); // the next one has to move away from this number
        let other = R::listen();
        let new: Vec<_> =
            open_descriptors().into_iter().filter(|fd| !before.contains(fd)).collect();
        assert!(new.len() >= 2, "one for each `listen`");
        assert!(!new.iter().any(|&fd| is_inherited(fd)), "{new:?}");
        drop((shutdown, other));
        drop(output);
    });
}

fn open_descriptors() -> Vec<RawFd> {
    let entries = fs::read_dir("/proc/self/fd").expect("proc");
    let names = entries.map(|entry| entry.expect("proc").file_name());
    let all = names.map(|name| name.to_str().and_then(|name| name.parse().ok()).expect("a number"));
    let all: Vec<_> = all.collect();
    all.into_iter().filter(|&fd| is_open(fd)).collect() // without the one of the folder itself
}

/// `poll` fails if the limit of descriptors is 0. Threads still wait, and hardly use the processor.
pub(crate) fn no_poll<R: Runtime>() {
    let shutdown = R::inside(R::listen);
    let generous = limit(libc::RLIMIT_NOFILE, 0);
    let (began, used) = (Instant::now(), cpu_time());
    assert_eq!(shutdown.wait_timeout(Duration::from_millis(400)), None);
    let (waited, used) = (began.elapsed(), cpu_time().saturating_sub(used));
    assert!(used < waited / 5, "a wait of {waited:?} used the processor for {used:?}");

    let thread = std::thread::spawn({
        let shutdown = shutdown.clone();
        move || shutdown.wait()
    });
    future::block_on(once_pending(&shutdown, || raise(SIGTERM)));
    assert_eq!(thread.join().expect("no panic"), shutdown.wait());
    limit(libc::RLIMIT_NOFILE, generous);
}
