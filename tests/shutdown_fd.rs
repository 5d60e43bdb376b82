//! `readable_fd`: the signal as a descriptor, for a thread in `poll`.
#![cfg(target_os = "linux")]
#![allow(unsafe_code, reason = "forked children")]

mod common;

use std::io::Read;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use common::contract::{Runtime, stuck};
use common::system::{self, CHILD_RETURNED, fork, free_descriptor, limit, raise, wait_for};
use common::{Case, cases, say, until};
use libc::SIGTERM;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signoff::{Blocking, Error, ShutdownFd, ShutdownSignal};

const SHORT: Duration = Duration::from_millis(30);

/// Whether it becomes readable in this time.
fn becomes_readable(fd: &ShutdownFd, time: Duration) -> bool {
    let mut watched = [PollFd::new(fd, PollFlags::IN)];
    let time = Timespec::try_from(time).unwrap();
    poll(&mut watched, Some(&time)).unwrap() == 1
}

fn is_readable(fd: &ShutdownFd) -> bool {
    becomes_readable(fd, Duration::ZERO)
}

/// The runtime is blocked meanwhile.
fn by_a_signal<R: Runtime>() {
    R::block_on(async {
        let shutdown = R::listen();
        let fd = shutdown.readable_fd().unwrap();
        drop(shutdown);
        R::block_every_worker(stuck);
        assert!(!becomes_readable(&fd, SHORT));
        say("ready");
        assert!(becomes_readable(&fd, common::BOUND));
        drop(fd); // the shutdown goes on
        say("readable");
        std::process::exit(0); // the workers are blocked
    });
}

fn test_by_a_signal(case: &Case) {
    let child = case.ready();
    child.kill(SIGTERM);
    child.expect("readable");
    child.exits_with(0);
}

macro_rules! on_every_backend {
    ($($module:ident: $runtime:ident)*) => { $(
        mod $module {
            use super::*;
            use super::common::runtimes::$runtime as Tested;

            cases! {
                by_a_signal: test_by_a_signal, super::super::by_a_signal::<Tested>;
            }
        }
    )* };
}

on_every_backend! {
    current_thread: CurrentThread
    multi_thread: MultiThread
    smol: Smol
    async_std: AsyncStd
    blocking: Plain
}

#[test]
fn by_a_request() {
    let parent = ShutdownSignal::manual();
    let fds = [parent.readable_fd().unwrap(), parent.readable_fd().unwrap()];
    let child = parent.child();
    let of_child = child.readable_fd().unwrap();
    assert!(!fds.iter().chain([&of_child]).any(is_readable));
    child.request("the part ends");
    assert!(is_readable(&of_child) && !is_readable(&fds[0]));

    let of_child = parent.child().readable_fd().unwrap();
    parent.request("everything ends");
    assert!(fds.iter().chain([&of_child]).all(is_readable));
    assert!(is_readable(&parent.readable_fd().unwrap()), "it was requested before");
}

#[test]
fn it_stays_readable() {
    let shutdown = ShutdownSignal::manual();
    let fd = shutdown.readable_fd().unwrap();
    shutdown.request("test");
    let mut copy = UnixStream::from(fd.as_fd().try_clone_to_owned().unwrap());
    for _ in 0..3 {
        assert_eq!(copy.read(&mut [0; 8]).unwrap(), 0);
        assert!(is_readable(&fd));
    }
}

#[test]
fn its_number_is_that_of_the_descriptor() {
    let fd = ShutdownSignal::manual().readable_fd().unwrap();
    assert_eq!(fd.as_raw_fd(), fd.as_fd().as_raw_fd());
    assert_eq!(
        format!("{fd:?}"),
        format!(
            "ShutdownFd {{ fd: {}, signal: ShutdownSignal {{ reason: None }} }}",
            fd.as_raw_fd()
        )
    );
}

cases! {
    nothing_is_left_behind: |case| case.passes(), || {
        let shutdown = ShutdownSignal::listen(Blocking).unwrap();
        let before = system::descriptors();
        for _ in 0..100 {
            assert!(!is_readable(&shutdown.readable_fd().unwrap()));
        }
        assert_eq!(system::descriptors(), before);
        let fd = shutdown.readable_fd().unwrap();
        drop(shutdown);
        drop(fd);
        until("no descriptor is left", || system::descriptors() < before);
    };

    the_last_one_restores_the_previous_behavior: |case| {
        let child = case.ready();
        child.kill(SIGTERM);
        child.dies_by(SIGTERM);
    }, || {
        drop(ShutdownSignal::listen(Blocking).unwrap().readable_fd().unwrap());
        say("ready");
        stuck();
    };

    a_forked_child_does_not_reach_its_parent: |case| case.passes(), || {
        let shutdown = ShutdownSignal::manual();
        let fd = shutdown.readable_fd().unwrap();
        let child = fork(|| assert!(shutdown.request("in the child")));
        assert_eq!(libc::WEXITSTATUS(wait_for(child)), CHILD_RETURNED);
        assert!(!is_readable(&fd) && !shutdown.is_requested());
        shutdown.request("in the parent");
        assert!(is_readable(&fd));
    };

    a_child_that_still_runs_does_not_hold_it: |case| case.passes(), || {
        let shutdown = ShutdownSignal::listen(Blocking).unwrap();
        let fd = shutdown.readable_fd().unwrap();
        let child = fork(|| system::pause());
        raise(SIGTERM);
        assert!(becomes_readable(&fd, common::BOUND));
        system::kill(child, libc::SIGKILL);
        wait_for(child);
    };

    a_refused_descriptor_is_an_error: |case| case.passes(), || {
        let shutdown = ShutdownSignal::manual();
        for allowed in [0, 1] {
            let before = limit(libc::RLIMIT_NOFILE, free_descriptor() + allowed);
            let error = shutdown.readable_fd().unwrap_err();
            limit(libc::RLIMIT_NOFILE, before);
            assert!(matches!(error, Error::Descriptor(_)), "{error}");
            assert!(error.to_string().contains("ulimit -n"), "{error}");
        }
        assert!(!is_readable(&shutdown.readable_fd().unwrap()));
    };
}
