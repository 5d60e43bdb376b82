//! Who waits for a signal, and how: one function for each contender.
//!
//! Each sets itself up, says so, waits, and says at once that it runs again.

use std::io::Write;
use std::os::fd::{FromRawFd, OwnedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};

use crate::machine::{self, now};

/// The process that waits, as its contender sees it.
#[derive(Clone, Copy)]
pub struct Child;

static SET_UP: OnceLock<u64> = OnceLock::new();

impl Child {
    /// The runtime is up; from here on the contender's own set-up counts.
    pub fn begin(self) {
        let _ = SET_UP.set(now());
    }

    /// SIGTERM does not kill any more. The parent sends it once all threads sleep.
    pub fn ready(self) {
        let set_up = now() - *SET_UP.get_or_init(now);
        let threads = machine::count("/proc/self/task");
        let descriptors = machine::count("/proc/self/fd") - 1; // the listing itself
        say(&format!("{set_up} {threads} {descriptors} {}", u8::from(caught())));
    }

    /// The code that waited runs.
    pub fn woke(self) {
        let woke = now();
        say(&woke.to_string());
        // SAFETY: no pointers. Ends at once, whatever the runtime has to say.
        unsafe { libc::_exit(0) };
    }
}

fn say(line: &str) {
    let mut out = std::io::stdout();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}

/// Whether SIGTERM has a handler, or is blocked for `sigwait`.
fn caught() -> bool {
    // SAFETY: zeroes are valid for both, and the pointers are to live ones.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(libc::SIGTERM, std::ptr::null(), &raw mut action);
        let mut mask: libc::sigset_t = std::mem::zeroed();
        libc::pthread_sigmask(libc::SIG_BLOCK, std::ptr::null(), &raw mut mask);
        action.sa_sigaction != libc::SIG_DFL
            || libc::sigismember(&raw const mask, libc::SIGTERM) == 1
    }
}

pub type Contender = (&'static str, fn(Child));

pub const CONTENDERS: &[Contender] = &[
    ("limit: sigwait", sigwait),
    ("limit: handler + futex", futex),
    ("limit: handler + eventfd, poll(2)", |c| {
        c.begin();
        let fd = eventfd_with_handler();
        c.ready();
        let mut watched = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
        // SAFETY: the pointer is to a live pollfd.
        while unsafe { libc::poll(&raw mut watched, 1, -1) } < 1 {}
        c.woke();
    }),
    ("limit: handler + eventfd, tokio current_thread", |c| current_thread().block_on(bare(c))),
    ("limit: handler + eventfd, tokio multi_thread", |c| multi_thread().block_on(bare(c))),
    ("**signoff, blocking wait()**", |c| {
        c.begin();
        let shutdown = signoff::ShutdownSignal::listen(signoff::Blocking).unwrap();
        c.ready();
        shutdown.wait();
        c.woke();
    }),
    ("**signoff, tokio current_thread**", |c| {
        current_thread().block_on(signoff_on(c, signoff::Tokio))
    }),
    ("**signoff, tokio multi_thread, main future**", |c| {
        multi_thread().block_on(signoff_on(c, signoff::Tokio))
    }),
    ("**signoff, tokio multi_thread, spawned task**", |c| {
        multi_thread()
            .block_on(async { tokio::spawn(signoff_on(c, signoff::Tokio)).await.unwrap() });
    }),
    ("**signoff, smol**", |c| smol::block_on(signoff_on(c, signoff::Smol))),
    ("**signoff, async-std**", |c| {
        async_std::task::block_on(signoff_on(c, signoff::AsyncStd));
    }),
    ("signal-hook iterator", |c| {
        c.begin();
        let mut signals =
            signal_hook::iterator::Signals::new([libc::SIGTERM, libc::SIGINT]).unwrap();
        c.ready();
        signals.forever().next();
        c.woke();
    }),
    ("ctrlc → channel", |c| {
        c.begin();
        let (sender, receiver) = crossbeam_channel::bounded(1);
        ctrlc::set_handler(move || {
            let _ = sender.send(());
        })
        .unwrap();
        c.ready();
        let _ = receiver.recv();
        c.woke();
    }),
    ("tokio::signal current_thread", |c| current_thread().block_on(tokio_signal(c))),
    ("tokio::signal multi_thread, main future", |c| multi_thread().block_on(tokio_signal(c))),
    ("tokio::signal multi_thread, spawned task", |c| {
        multi_thread().block_on(async { tokio::spawn(tokio_signal(c)).await.unwrap() });
    }),
    ("tokio::signal current_thread, SIGTERM alone", |c| {
        current_thread().block_on(tokio_sigterm(c));
    }),
    ("tokio::signal multi_thread, SIGTERM alone", |c| multi_thread().block_on(tokio_sigterm(c))),
    ("tokio::signal, two signals → token, current_thread", |c| {
        current_thread().block_on(async move {
            c.begin();
            let token = tokio_util::sync::CancellationToken::new();
            let (mut terminate, mut interrupt) = (terminate(), interrupt());
            tokio::spawn({
                let token = token.clone();
                async move {
                    tokio::select! {
                        _ = terminate.recv() => {}
                        _ = interrupt.recv() => {}
                    }
                    token.cancel();
                }
            });
            tokio::task::yield_now().await;
            c.ready();
            token.cancelled().await;
            c.woke();
        });
    }),
    ("signal-hook-tokio current_thread", |c| {
        current_thread().block_on(async move {
            c.begin();
            let signals = [libc::SIGTERM, libc::SIGINT];
            let mut signals = signal_hook_tokio::Signals::new(signals).unwrap();
            c.ready();
            futures_lite::StreamExt::next(&mut signals).await;
            c.woke();
        });
    }),
    ("signal-hook-async-std on async-std", |c| async_std::task::block_on(signal_hook_async_std(c))),
    ("signal-hook-async-std on smol", |c| smol::block_on(signal_hook_async_std(c))),
    ("async-signal on smol", |c| {
        smol::block_on(async move {
            c.begin();
            let signals = [async_signal::Signal::Term, async_signal::Signal::Int];
            let mut signals = async_signal::Signals::new(signals).unwrap();
            c.ready();
            futures_lite::StreamExt::next(&mut signals).await;
            c.woke();
        });
    }),
    ("tokio-graceful current_thread", |c| {
        current_thread().block_on(async move {
            c.begin();
            let shutdown = tokio_graceful::Shutdown::default();
            let guard = shutdown.guard_weak();
            tokio::task::yield_now().await;
            c.ready();
            guard.cancelled().await;
            c.woke();
        });
    }),
    ("tokio-graceful-shutdown current_thread", |c| {
        use tokio_graceful_shutdown::{SubsystemBuilder, SubsystemHandle, Toplevel};
        current_thread().block_on(async move {
            c.begin();
            let wait = async move |subsystem: &mut SubsystemHandle| {
                c.ready();
                subsystem.on_shutdown_requested().await;
                c.woke();
                Ok::<(), std::io::Error>(())
            };
            let _ = Toplevel::new(async move |top: &mut SubsystemHandle| {
                top.start(SubsystemBuilder::new("waits", wait));
            })
            .catch_signals()
            .handle_shutdown_requests(std::time::Duration::from_secs(1))
            .await;
        });
    }),
    ("elegant-departure current_thread", |c| {
        current_thread().block_on(async move {
            c.begin();
            let guard = elegant_departure::get_shutdown_guard();
            tokio::spawn(elegant_departure::tokio::depart().on_termination());
            tokio::task::yield_now().await;
            c.ready();
            guard.wait().await;
            c.woke();
        });
    }),
    ("signal-mod current_thread", |c| {
        current_thread().block_on(async move {
            c.begin();
            let coordinator = signal_mod::Coordinator::builder().build();
            coordinator.install().unwrap();
            tokio::task::yield_now().await;
            c.ready();
            coordinator.token().wait().await;
            c.woke();
        });
    }),
];

pub fn current_thread() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn multi_thread() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

pub fn terminate() -> tokio::signal::unix::Signal {
    tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).unwrap()
}

fn interrupt() -> tokio::signal::unix::Signal {
    tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt()).unwrap()
}

async fn signoff_on(c: Child, backend: impl signoff::Backend) {
    c.begin();
    let shutdown = signoff::ShutdownSignal::listen(backend).unwrap();
    c.ready();
    (&shutdown).await;
    c.woke();
}

async fn signal_hook_async_std(c: Child) {
    c.begin();
    let signals = [libc::SIGTERM, libc::SIGINT];
    let mut signals = ::signal_hook_async_std::Signals::new(signals).unwrap();
    c.ready();
    futures_lite::StreamExt::next(&mut signals).await;
    c.woke();
}

/// What the others do for two signals.
async fn tokio_sigterm(c: Child) {
    c.begin();
    let mut terminate = terminate();
    c.ready();
    terminate.recv().await;
    c.woke();
}

async fn tokio_signal(c: Child) {
    c.begin();
    let mut terminate = terminate();
    let interrupt = tokio::signal::unix::SignalKind::interrupt();
    let mut interrupt = tokio::signal::unix::signal(interrupt).unwrap();
    c.ready();
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    c.woke();
}

fn sigwait(c: Child) {
    c.begin();
    // SAFETY: zeroes are a valid set, and the pointers are to live values.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigaddset(&raw mut set, libc::SIGTERM);
        libc::sigaddset(&raw mut set, libc::SIGINT);
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut());
        c.ready();
        let mut signal = 0;
        libc::sigwait(&raw const set, &raw mut signal);
    }
    c.woke();
}

static FD: AtomicI32 = AtomicI32::new(-1);

/// Nothing but a handler that writes to an eventfd.
fn eventfd_with_handler() -> i32 {
    extern "C" fn handler(_: i32) {
        let one = 1_u64.to_ne_bytes();
        // SAFETY: the pointer is to eight live bytes.
        unsafe { libc::write(FD.load(Ordering::Relaxed), one.as_ptr().cast(), 8) };
    }
    // SAFETY: no pointers.
    let fd = unsafe { libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) };
    FD.store(fd, Ordering::Relaxed);
    install(handler);
    fd
}

async fn bare(c: Child) {
    c.begin();
    // SAFETY: the descriptor is open, and nobody else closes it.
    let fd = unsafe { OwnedFd::from_raw_fd(eventfd_with_handler()) };
    let pipe = tokio::net::unix::pipe::Receiver::from_owned_fd_unchecked(fd).unwrap();
    c.ready();
    pipe.readable().await.unwrap();
    c.woke();
}

/// For SIGTERM and SIGINT.
fn install(handler: extern "C" fn(i32)) {
    // SAFETY: the handlers here only store and make one system call; the action is zeroed but for
    // its handler and flags.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as *const () as usize;
        action.sa_flags = libc::SA_RESTART;
        for signal in [libc::SIGTERM, libc::SIGINT] {
            libc::sigaction(signal, &raw const action, std::ptr::null_mut());
        }
    }
}

static WORD: AtomicU32 = AtomicU32::new(0);
const WAIT: i32 = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
const WAKE: i32 = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;

fn futex(c: Child) {
    extern "C" fn handler(_: i32) {
        WORD.store(1, Ordering::Release);
        // SAFETY: the word lives as long as the process.
        unsafe { libc::syscall(libc::SYS_futex, WORD.as_ptr(), WAKE, i32::MAX) };
    }
    c.begin();
    install(handler);
    c.ready();
    while WORD.load(Ordering::Acquire) == 0 {
        let null = std::ptr::null::<libc::timespec>();
        // SAFETY: as above.
        unsafe { libc::syscall(libc::SYS_futex, WORD.as_ptr(), WAIT, 0, null) };
    }
    c.woke();
}
