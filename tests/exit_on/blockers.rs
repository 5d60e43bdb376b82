//! Hooks that block their thread, and others beside them.

use std::future::{pending, poll_fn};
use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::thread;
use std::time::Instant;

use signoff::Hooks;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::common::{Case, block};
use super::{BUDGET, MS, SLACK};

/// Hooks of one stage, in this order.
pub(crate) const BLOCKERS: [&str; 7] = [
    "blocks, timer, socket, thread",
    "timer, blocks, socket, thread",
    "timer, socket, thread, blocks",
    "blocks later, timer, socket, thread",
    "timer, socket, thread, blocks when dropped",
    "hangs, timer, socket, thread",
    "blocks, timer, blocks later, socket, blocks when dropped, thread, blocks",
];

pub(crate) fn others_are_done(case: &Case) {
    let child = case.start();
    let start = Instant::now();
    for name in case.variant_name().split(", ") {
        let outcome = if is_stuck(name) { "abandoned" } else { "done" };
        child.expect(&format!("{name}: {outcome}"));
    }
    child.exits_with(1);
    assert!(start.elapsed() < 10 * BUDGET + SLACK);
}

fn is_stuck(name: &str) -> bool {
    name.starts_with("blocks") || name == "hangs"
}

pub(crate) fn add_named(hooks: Hooks, name: &str) -> Hooks {
    match name {
        "blocks" => hooks.hook(name, async || block()),
        "blocks later" => hooks.hook(name, async || {
            tokio::time::sleep(20 * MS).await;
            block();
        }),
        "blocks when dropped" => hooks.hook(name, || async {
            let _stuck = Stuck;
            tokio::time::sleep(20 * MS).await;
        }),
        // It is dropped at its limit, and gets stuck then.
        "hangs" => hooks
            .hook(name, || async {
                let _stuck = Stuck;
                pending::<()>().await;
            })
            .within(50 * MS),
        "timer" => hooks.hook(name, async || {
            for _ in 0..20 {
                tokio::time::sleep(20 * MS).await;
            }
        }),
        "socket" => hooks.hook(name, async || echo().await),
        _ => hooks.blocking(name, || thread::sleep(100 * MS)),
    }
}

/// Blocks the thread where it is dropped.
struct Stuck;

impl Drop for Stuck {
    fn drop(&mut self) {
        block();
    }
}

/// The other side takes its time.
async fn echo() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut byte = [0];
        while stream.read_exact(&mut byte).is_ok() {
            thread::sleep(20 * MS);
            stream.write_all(&byte).unwrap();
        }
    });
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    for byte in 0..10 {
        stream.write_u8(byte).await?;
        assert_eq!(stream.read_u8().await?, byte);
    }
    Ok(())
}

/// Woken once, while the thread that polls it is blocked and another one has gone on with the rest.
pub(crate) async fn woken_while_it_is_polled() {
    let (is_polled, mut polls) = (AtomicBool::new(false), 0);
    poll_fn(|cx| {
        assert!(!is_polled.swap(true, Ordering::SeqCst), "one thread at a time");
        polls += 1;
        if polls == 1 {
            let waker = cx.waker().clone();
            thread::spawn(move || {
                thread::sleep(150 * MS);
                waker.wake();
            });
            thread::sleep(300 * MS);
        }
        is_polled.store(false, Ordering::SeqCst);
        if polls == 1 { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
}
