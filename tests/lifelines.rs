//! A closed standard input and the exit of the parent as requests, on every backend.
//!
//! `SIGNOFF_CHAOS=1000 cargo test --all-features --test lifelines -- --nocapture orphan` kills a thousand
//! parents at random instants.
#![cfg(target_os = "linux")]
#![allow(unsafe_code, reason = "system calls")]

mod common;

use std::any::TypeId;
use std::collections::hash_map::RandomState;
use std::fs::File;
use std::hash::BuildHasher;
use std::io::{self, Read, Write};
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use std::{env, fs, process, thread};

use common::child::{self, Child};
use common::contract::{Runtime, stuck};
use common::runtimes::{AsyncStd, CurrentThread, MultiThread, Plain, Smol};
use common::system::{self, descriptors, open_terminal, raise};
use common::{BOUND, Case, at_once, cases, say, until, variant};
use libc::{SIGHUP, SIGINT, SIGKILL, SIGTERM};
use signoff::{Error, Signal, Signals};

const CLOSED: &str = "standard input was closed";
const EXITED: &str = "the parent process has exited";

/// Longer than three looks at an input that is closed and unread. A test that it is not enough for passes.
const A_WHILE: Duration = Duration::from_millis(200);

macro_rules! lifelines {
    ($($backend:ident: $runtime:ty;)*) => { $(
        mod $backend {
            use super::*;

            cases! {
                inputs_that_are_closed: test_closed, waits::<$runtime>;
                input_that_is_left: test_unread, unread::<$runtime>;
                inputs_that_stay: test_never, never::<$runtime>;
                input_that_was_closed_before: test_closed_before, waits::<$runtime>;
                the_program_closes_its_own: |case| case.passes(), closes_its_own::<$runtime>;
                parents_that_are_killed: test_parent, waits::<$runtime>;
                an_old_kernel: test_old_kernel, old_kernel::<$runtime>;
                processes_that_have_no_parent: test_no_parent, no_parent::<$runtime>;
                signals_beside_them: test_signal, waits::<$runtime>;
                ctrl_c_again_ends_the_process: test_forced_exit, hangs::<$runtime>;
                hangup_during_the_shutdown: test_hangup, hangup::<$runtime>;
                threads_in_wait_are_woken: test_thread, thread_waits::<$runtime>;
                nothing_is_left_behind: test_nothing_left, nothing_left::<$runtime>;
                streams_refuse_them: |case| case.passes(), streams::<$runtime>;
            }
        }
    )* };
}

lifelines! {
    tokio_current_thread: CurrentThread;
    tokio_multi_thread: MultiThread;
    smol: Smol;
    async_std: AsyncStd;
    blocking: Plain;
}

/// The sources of this variant: words of its name.
fn signals() -> Signals {
    let variant = variant().unwrap();
    let has = |word| variant.split(' ').any(|found| found == word);
    let signals = if has("alone") { Signals::none() } else { Signals::default() };
    let signals = if has("stdin") { signals.or_stdin_closed() } else { signals };
    if has("parent") { signals.or_parent_exit() } else { signals }
}

const WITH_STDIN: [&str; 3] = ["stdin", "stdin alone", "stdin parent"];
const WITH_PARENT: [&str; 3] = ["parent", "parent alone", "stdin parent"];

/// The end of the child, and what closes it when it is dropped.
type Input = (OwnedFd, Box<dyn Write>);

fn pipe() -> Input {
    let mut ends = [0; 2];
    // SAFETY: it writes the two descriptors, which have no other owner.
    let [read, write] = unsafe {
        assert_eq!(libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC), 0);
        ends.map(|end| OwnedFd::from_raw_fd(end))
    };
    (read, Box::new(File::from(write)))
}

fn socket() -> Input {
    let (its, ours) = UnixStream::pair().unwrap();
    (its.into(), Box::new(ours))
}

/// The child cannot answer, and has no input any more.
struct HalfClosed(UnixStream);

impl Write for HalfClosed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for HalfClosed {
    fn drop(&mut self) {
        let kept = self.0.try_clone().unwrap();
        kept.shutdown(std::net::Shutdown::Write).unwrap();
        std::mem::forget(kept);
    }
}

fn half_closed_socket() -> Input {
    let (its, ours) = UnixStream::pair().unwrap();
    (its.into(), Box::new(HalfClosed(ours)))
}

fn terminal() -> Input {
    let (keyboard, program) = open_terminal();
    (program, Box::new(keyboard))
}

const INPUTS: [fn() -> Input; 4] = [pipe, socket, half_closed_socket, terminal];

fn waits<R: Runtime>() {
    R::block_on(async {
        let shutdown = R::listen_to(signals());
        say("ready");
        say(shutdown.requested().await);
    });
}

fn test_closed(case: &Case) {
    at_once(WITH_STDIN, |variant| {
        for input in INPUTS {
            let (its, ours) = input();
            let child = case.variant(variant).reading(its).ready();
            drop(ours);
            child.expect(CLOSED);
            child.passes();
        }
    });
}

fn test_closed_before(case: &Case) {
    for input in INPUTS {
        let (its, ours) = input();
        drop(ours);
        let child = case.variant("stdin alone").reading(its).ready();
        child.expect(CLOSED);
        child.passes();
    }
}

const LEFT: &[u8] = b"a line\nand more";

fn test_unread(case: &Case) {
    for input in [pipe, socket, half_closed_socket] {
        let (its, mut ours) = input();
        ours.write_all(LEFT).unwrap();
        let child = case.variant("stdin").reading(its).ready();
        drop(ours);
        child.expect("read");
        child.expect(CLOSED);
        child.passes();
    }
}

/// Events that `poll` has for standard input.
fn events() -> i16 {
    let mut stdin = libc::pollfd { fd: 0, events: libc::POLLRDHUP, revents: 0 };
    // SAFETY: the pointer is to one live `pollfd`.
    unsafe { libc::poll(&raw mut stdin, 1, 0) };
    stdin.revents
}

fn unread<R: Runtime>() {
    R::block_on(async {
        let shutdown = R::listen_to(signals());
        say("ready");
        until("it is closed", || events() != 0);
        thread::sleep(A_WHILE);
        assert_eq!(shutdown.reason(), None);
        let mut read = Vec::new();
        io::stdin().read_to_end(&mut read).unwrap(); // an error if it does not block
        assert_eq!(read, LEFT);
        say("read");
        say(shutdown.requested().await);
    });
}

fn test_never(case: &Case) {
    let open = |path| OwnedFd::from(File::open(path).unwrap());
    let case = case.variant("stdin parent");
    case.reading(open("/dev/null")).passes();
    case.reading(open("Cargo.toml")).passes();
    for input in INPUTS {
        let (its, ours) = input();
        case.reading(its).passes();
        drop(ours);
    }
}

fn never<R: Runtime>() {
    R::block_on(async {
        let flags = || unsafe { libc::fcntl(0, libc::F_GETFL) };
        let before = flags();
        let shutdown = R::listen_to(signals());
        let used = system_time();
        thread::sleep(A_WHILE);
        assert!(system_time() < used + A_WHILE / 2, "it is busy");
        assert_eq!(shutdown.reason(), None);
        assert_eq!(flags(), before);
        shutdown.request("enough");
        shutdown.await;
    });
}

fn system_time() -> Duration {
    common::linux::process_cpu_time()
}

fn closes_its_own<R: Runtime>() {
    R::block_on(async {
        // SAFETY: nothing reads it.
        assert_eq!(unsafe { libc::close(0) }, 0);
        let shutdown = R::listen_to(Signals::none().or_stdin_closed());
        let used = system_time();
        thread::sleep(A_WHILE);
        assert!(system_time() < used + A_WHILE / 2, "it is busy");
        assert_eq!(shutdown.reason(), None);
    });
}

/// A shell that is the parent of the child, and does not become it.
const SHELL: [&str; 4] = ["sh", "-c", r#""$@"; exit $?"#, "sh"];

fn test_parent(case: &Case) {
    at_once(WITH_PARENT, |variant| {
        let (its, ours) = pipe();
        let child = case.variant(variant).reading(its).under(&SHELL).ready();
        child.kill(SIGKILL);
        orphan_says(&child, EXITED);
        drop(ours);
    });
}

/// The child has lost its parent, so nobody has its status.
#[track_caller]
fn orphan_says(child: &Child, line: &str) {
    child.expect(line);
    child.expect("(the case returned)");
}

fn test_old_kernel(case: &Case) {
    let child = case.variant("parent").under(&SHELL).ready();
    child.kill(SIGKILL);
    orphan_says(&child, EXITED);
}

fn old_kernel<R: Runtime>() {
    refuse_pidfd();
    waits::<R>();
}

/// `pidfd_open` does not exist for this thread and those that it starts.
fn refuse_pidfd() {
    let number = u32::try_from(libc::SYS_pidfd_open).unwrap();
    let refused = libc::SECCOMP_RET_ERRNO | u32::try_from(libc::ENOSYS).unwrap();
    let step = |code: u32, jt, jf, k| {
        let code = u16::try_from(code).unwrap();
        libc::sock_filter { code, jt, jf, k }
    };
    let mut filter = [
        step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, number),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, refused),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: 4, filter: filter.as_mut_ptr() };
    // SAFETY: the pointer is to a live program of so many steps.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        assert_eq!(
            libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program),
            0
        );
        assert_eq!(libc::syscall(libc::SYS_pidfd_open, libc::getpid(), 0), -1);
    }
}

/// Their parent has the id 0 or 1.
fn test_no_parent(case: &Case) {
    let case = case.variant("parent");
    for case in [case.clone(), case.under(&SHELL)] {
        let Some(child) = case.start_as_first() else { return };
        child.exits_with(0);
    }
}

fn no_parent<R: Runtime>() {
    say("started");
    never::<R>();
}

fn test_signal(case: &Case) {
    for variant in ["stdin", "parent", "stdin parent"] {
        let (its, ours) = pipe();
        let child = case.variant(variant).reading(its).ready();
        child.kill(SIGTERM);
        let said = child.line();
        assert!(said.starts_with("SIGTERM"), "{said}");
        child.passes();
        drop(ours);
    }
}

fn test_forced_exit(case: &Case) {
    at_once(WITH_STDIN, |variant| {
        if variant.contains("alone") {
            return;
        }
        let (its, ours) = pipe();
        let child = case.variant(variant).reading(its).ready();
        drop(ours);
        child.expect(CLOSED);
        for _ in 0..2 {
            child.kill_again(SIGINT);
        }
        child.dies_by(SIGINT);
    });
}

fn hangs<R: Runtime>() {
    R::block_on(async {
        let shutdown = R::listen_to(signals());
        say("ready");
        say(shutdown.requested().await);
        stuck();
    });
}

fn test_hangup(case: &Case) {
    for variant in WITH_STDIN {
        let (its, ours) = pipe();
        let child = case.variant(variant).reading(its).ready();
        drop(ours);
        child.expect("still here");
        child.passes();
    }
}

fn hangup<R: Runtime>() {
    R::block_on(async {
        let shutdown = R::listen_to(signals());
        say("ready");
        (&shutdown).await;
        raise(SIGHUP);
        say("still here");
    });
}

fn test_thread(case: &Case) {
    let (its, ours) = pipe();
    let child = case.variant("stdin").reading(its).ready();
    drop(ours);
    child.expect(CLOSED);
    child.passes();
}

fn thread_waits<R: Runtime>() {
    let (shutdown,) = R::block_on(async { (R::listen_to(signals()),) });
    say("ready");
    let child = shutdown.child();
    thread::scope(|scope| {
        scope.spawn(|| shutdown.wait());
        scope.spawn(|| child.wait());
    });
    say(shutdown.wait());
}

fn test_nothing_left(case: &Case) {
    let (its, ours) = pipe();
    case.variant("stdin parent").reading(its).passes();
    drop(ours);
}

fn nothing_left<R: Runtime>() {
    R::block_on(async {
        let have = |count| until("so many threads", || own_threads() == count);
        let of_backend = usize::from(TypeId::of::<R>() == TypeId::of::<Plain>());
        let plain = R::listen_to(Signals::default()); // and what a runtime opens once
        have(of_backend);
        drop(plain);
        have(0);
        let before = descriptors();
        for is_requested in [false, true] {
            let shutdown = R::listen_to(signals());
            have(of_backend + 1);
            let _ = is_requested && shutdown.request("enough");
            drop(shutdown);
            have(0);
            assert_eq!(descriptors(), before);
        }
    });
}

/// How many threads signoff has.
fn own_threads() -> usize {
    let names = fs::read_dir("/proc/self/task").unwrap().map(|task| {
        fs::read_to_string(task.unwrap().path().join("comm")).unwrap_or_default() // it has ended
    });
    names.filter(|name| name == "signoff\n").count()
}

fn streams<R: Runtime>() {
    R::block_on(async {
        let reload = || Signals::new([Signal::Hangup]);
        for signals in [reload().or_stdin_closed(), reload().or_parent_exit()] {
            let error = signals.stream(R::Backend::default()).unwrap_err();
            assert!(matches!(error, Error::NotForStreams), "{error}");
        }
        let none = Signals::none().listen(R::Backend::default());
        assert!(matches!(none, Err(Error::NoSignals)), "{none:?}");
    });
}

cases! {
    no_orphan_with_both: |case| kill_parents(case, "stdin parent", |_| ()), family;
    no_orphan_with_the_parent_alone: |case| kill_parents(case, "parent", |child| {
        child.expect("(the case started)");
        child.expect("listening");
    }), family;
}

const BACKENDS: [&str; 5] = ["current", "multi", "smol", "async-std", "blocking"];

/// Kills parents at random instants after `begin`.
fn kill_parents(case: &Case, sources: &str, begin: impl Fn(&Child) + Sync) {
    let count = env::var("SIGNOFF_CHAOS").map_or(50, |count| count.parse().expect("a number"));
    let (next, random) = (AtomicUsize::new(0), RandomState::new());
    at_once(0..4, |_| {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return;
            }
            let backend = BACKENDS[number % BACKENDS.len()];
            let parent = case.variant(&format!("{backend} {sources}")).start();
            begin(&parent);
            let instant = Duration::from_micros(random.hash_one(number) % 40_000);
            thread::sleep(instant);
            parent.kill(SIGKILL);
            let mut said = Vec::new();
            while !said.last().is_some_and(|line: &String| line.starts_with("(nothing")) {
                said.push(parent.line());
            }
            let is_orphan = said.last().is_none_or(|line| line.contains("timed out"));
            assert!(!is_orphan, "process {number}, {backend}, {instant:?}: {said:?}");
        }
    });
    println!("{count} parents were killed: {sources}");
}

/// The parent, and the child that it starts.
fn family() {
    const SIGN: &str = "child of ";
    let variant = variant().unwrap();
    let Some(backend) = variant.strip_prefix(SIGN) else {
        let mut child = Command::new(env::current_exe().unwrap());
        child.args(env::args().skip(1)).env(child::VARIANT, format!("{SIGN}{variant}"));
        #[allow(clippy::zombie_processes, reason = "this process is killed first")]
        let _child = child.stdin(Stdio::piped()).spawn().unwrap(); // keeps its pipe open
        system::pause();
    };
    match backend.split(' ').next() {
        Some("current") => orphan::<CurrentThread>(),
        Some("multi") => orphan::<MultiThread>(),
        Some("smol") => orphan::<Smol>(),
        Some("async-std") => orphan::<AsyncStd>(),
        _ => orphan::<Plain>(),
    }
}

fn orphan<R: Runtime>() {
    R::block_on(async {
        let shutdown = R::listen_to(signals());
        say("listening");
        if shutdown.wait_timeout(2 * BOUND).is_none() {
            process::exit(1); // the test has failed
        }
    });
}
