//! Backends of somebody else's: whatever they do with the notifier, no signal is lost.
#![cfg(target_os = "linux")]
#![allow(unsafe_code, reason = "real signals")]

mod common;

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Wake, Waker};
use std::thread;
use std::time::Duration;

use common::pending::{once_pending, poll};
use common::{Case, cases, linux, say, system};
use futures_lite::future;
use libc::{SIGHUP, SIGTERM};
use signoff::{Backend, Error, Notifier, ShutdownSignal, Signal, Signals};

const SHORT: Duration = Duration::from_millis(30);

/// Does something with the notifier.
struct With<F>(F);

impl<F: FnOnce(Notifier) -> W, W: Send + Sync + 'static> Backend for With<F> {
    type Watch = W;

    fn watch(self, notifier: Notifier) -> Result<W, Error> {
        Ok(self.0(notifier))
    }
}

cases! {
    that_drops_the_bell_at_once: woken, || wait_on(With(drop));
    that_announces_too_early: woken, || wait_on(With(|notifier: Notifier| {
        assert!(notifier.notify().is_continue());
    }));
    that_drops_the_bell_later: woken, || {
        let (drop_it, dropped) = mpsc::channel();
        let shutdown = ShutdownSignal::listen(With(|notifier| {
            thread::spawn(move || {
                dropped.recv().expect("the test says when");
                drop(notifier);
            });
        }));
        future::block_on(once_pending(shutdown.expect("nothing is in the way"), || {
            drop_it.send(()).expect("the thread waits");
            say("ready");
        }));
        say("woken");
    };
    that_forgets_to_watch: threads_are_woken, || {
        let shutdown = ShutdownSignal::listen(With(Mutex::new)).expect("nothing is in the way");
        say("ready");
        say(shutdown.wait().to_string().starts_with("SIGTERM"));
    };
    that_polls_the_descriptor: woken, || {
        wait_on(With(|notifier: Notifier| {
            thread::spawn(move || {
                readable(&notifier);
                readable(&notifier); // it stays so
                assert!(notifier.notify().is_break());
            });
        }));
    };
    the_bell_rings_for_the_last_time: |case| case.passes(), || {
        let (ended, end) = mpsc::channel();
        let shutdown = ShutdownSignal::listen(With(move |notifier: Notifier| {
            let fd: OwnedFd = notifier.as_fd().try_clone_to_owned().expect("a descriptor");
            thread::spawn(move || {
                readable(&fd);
                drop(notifier);
                ended.send(()).expect("the test waits");
            });
        }));
        drop(shutdown.expect("nothing is in the way"));
        end.recv_timeout(common::BOUND).expect("whoever watches finds out that nobody is left");
    };
    the_bell_knows_its_signals: bell_knows, || {
        let signals = Signals::default().with(Signal::Hangup);
        let shutdown = signals.listen(With(|notifier: Notifier| say(format!("{:?}", notifier.signals()))));
        drop(shutdown.expect("nothing is in the way"));
    };
    // It shares the descriptor with its parent, for whom nobody has asked.
    a_forked_child_does_not_ring_it: |case| case.passes(), || {
        let (notifier, rings) = mpsc::channel();
        let shutdown = ShutdownSignal::listen(With(|own: Notifier| {
            notifier.send(own.as_fd().try_clone_to_owned().expect("a descriptor")).expect("kept");
            Mutex::new(own)
        }));
        let shutdown = shutdown.expect("nothing is in the way");
        let child = system::fork(|| {
            let waiting = thread::spawn({
                let shutdown = shutdown.clone();
                move || shutdown.wait()
            });
            assert!(shutdown.wait_timeout(SHORT).is_none());
            assert!(shutdown.request("its own affair"));
            assert_eq!(waiting.join().expect("woken"), shutdown.wait());
        });
        assert_eq!(libc::WEXITSTATUS(system::wait_for(child)), system::CHILD_RETURNED);
        assert!(!is_readable(&rings.recv().expect("the descriptor"), 0));
        system::raise(SIGTERM);
        assert!(shutdown.wait().to_string().starts_with("SIGTERM"));
    };
    a_channel_without_threads_is_not_disconnected_early: |case| {
        let child = case.start();
        child.expect("ready");
        child.kill(SIGTERM);
        child.expect("disconnected");
        child.passes();
    }, || {
        let kept = Arc::new(Mutex::new(None));
        let shutdown = listen_and_keep(&kept);
        let before = linux::without_threads(|| {
            let receiver = shutdown.channel();
            drop(kept.lock().expect("no panic").take());
            assert!(shutdown.channel().try_recv().is_err_and(|error| error.is_empty()));
            receiver
        });
        assert!(before.try_recv().is_err_and(|error| error.is_empty()));
        let stop = shutdown.channel(); // starts the thread
        say("ready");
        assert!(stop.recv().is_err() && before.recv().is_err());
        assert!(shutdown.is_requested());
        say("disconnected");
    };
    // The descriptor is readable without a signal. Later the signal comes all the same.
    a_descriptor_that_is_readable_too_early: woken, || {
        let kept = Arc::new(Mutex::new(None));
        let shutdown = listen_and_keep(&kept);
        let notifier = kept.lock().expect("no panic").take().expect("it was kept");
        let one = 1_u64.to_ne_bytes();
        // SAFETY: the pointer is to eight live bytes.
        let written = unsafe {
            libc::write(notifier.as_fd().as_raw_fd(), one.as_ptr().cast(), one.len())
        };
        assert_eq!(written, 8);
        drop(notifier);
        let waiting = thread::spawn({
            let shutdown = shutdown.clone();
            move || shutdown.wait()
        });
        assert_eq!(shutdown.wait_timeout(SHORT), None);
        future::block_on(once_pending(&shutdown, || say("ready")));
        assert_eq!(waiting.join().expect("woken"), shutdown.wait());
        say("woken");
    };
    a_forked_child_that_drops_the_notifier: |case| case.passes(), || {
        let kept = Arc::new(Mutex::new(None));
        let shutdown = listen_and_keep(&kept);
        let child = system::fork(|| {
            drop(kept.lock().expect("no panic").take());
            assert_eq!(system::threads(), 1, "nothing waits on the descriptor of the parent");
        });
        assert_eq!(libc::WEXITSTATUS(system::wait_for(child)), system::CHILD_RETURNED);
        system::raise(SIGTERM);
        shutdown.wait();
    };
    a_waker_that_drops_the_notifier: |case| case.passes(), || {
        let kept = Arc::new(Mutex::new(None));
        let shutdown = listen_and_keep(&kept);
        let waker = Waker::from(Arc::new(DropsNotifier(Arc::clone(&kept))));
        let mut first = shutdown.clone();
        assert!(poll(&mut first, &waker).is_pending());
        drop(waker);
        future::block_on(once_pending(&shutdown, || {
            shutdown.request("enough");
        }));
        assert!(kept.lock().expect("no panic").is_none());
    };
    a_stream_on_a_backend_that_waits_again: hangups, || {
        let (ended, end) = mpsc::channel();
        say_hangups(With(|notifier: Notifier| {
            thread::spawn(move || {
                readable(&notifier);
                while notifier.notify().is_continue() {
                    readable(&notifier);
                }
                ended.send(()).expect("the test waits");
            });
        }));
        end.recv_timeout(common::BOUND).expect("it ends with the stream");
    };
    a_stream_on_a_backend_that_waits_once: hangups, || {
        say_hangups(With(|notifier: Notifier| {
            thread::spawn(move || {
                readable(&notifier);
                assert!(notifier.notify().is_continue());
            });
        }));
    };
    a_stream_on_a_backend_that_drops_the_notifier: hangups, || say_hangups(With(drop));
    nothing_left_to_listen_to: ignored_only, || {
        let signals = Signals::none().with(Signal::Hangup);
        let shutdown = signals.listen(With(Mutex::new)).expect("nothing is in the way");
        system::raise(SIGHUP);
        assert!(!shutdown.is_requested());
        shutdown.request("by hand");
        shutdown.wait();
    };
}

/// Listens with a backend that leaves the notifier in `kept`.
fn listen_and_keep(kept: &Arc<Mutex<Option<Notifier>>>) -> ShutdownSignal {
    let keep = |notifier| *kept.lock().expect("no panic") = Some(notifier);
    ShutdownSignal::listen(With(keep)).expect("nothing is in the way")
}

/// Drops a notifier when it is woken.
struct DropsNotifier(Arc<Mutex<Option<Notifier>>>);

impl Wake for DropsNotifier {
    fn wake(self: Arc<Self>) {
        let notifier = self.0.lock().expect("no panic").take();
        drop(notifier);
    }
}

fn say_hangups(backend: impl Backend) {
    let mut stream = Signals::new([Signal::Hangup]).stream(backend).expect("nothing is in the way");
    for _ in 0..3 {
        let signal = future::block_on(once_pending(stream.recv(), || say("ready")));
        assert_eq!(signal, Signal::Hangup);
    }
}

fn hangups(case: &Case) {
    let child = case.start();
    for _ in 0..3 {
        child.expect("ready");
        child.kill(SIGHUP);
    }
    child.passes();
}

fn wait_on(backend: impl Backend) {
    let shutdown = ShutdownSignal::listen(backend).expect("nothing is in the way");
    future::block_on(once_pending(shutdown, || say("ready")));
    say("woken");
}

fn woken(case: &Case) {
    let child = case.ready();
    child.kill(SIGTERM);
    child.expect("woken");
    child.passes();
}

fn threads_are_woken(case: &Case) {
    let child = case.ready();
    child.kill(SIGTERM);
    child.expect("true");
    child.passes();
}

fn bell_knows(case: &Case) {
    let child = case.start();
    child.expect("[Terminate, Interrupt, Hangup]");
    child.passes();
    let child = case.ignoring(SIGHUP).start();
    child.expect("[Terminate, Interrupt]");
    child.passes();
}

fn ignored_only(case: &Case) {
    case.ignoring(SIGHUP).passes();
}

/// Blocks until the descriptor is readable.
fn readable(fd: &impl AsFd) {
    while !is_readable(fd, -1) {}
}

/// Whether it is readable, or becomes so within these milliseconds; -1 is for ever.
fn is_readable(fd: &impl AsFd, timeout: libc::c_int) -> bool {
    let fd = fd.as_fd().as_raw_fd();
    let mut watched = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    // SAFETY: the pointer is to one live `pollfd`.
    unsafe { libc::poll(&raw mut watched, 1, timeout) == 1 }
}
