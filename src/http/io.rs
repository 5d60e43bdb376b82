//! The stream of a connection, as hyper sees it. It records what the time limits depend on.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::signal::ShutdownSignal;

/// Any stream. It is boxed once per connection, so that a handshake may return any type.
pub(super) trait Io: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What a connection's task knows about its connection.
///
/// Relaxed everywhere: the task of the connection writes and reads it. Other tasks only drop clones of
/// `drain`, and their number stands for nothing else.
#[derive(Debug)]
pub(super) struct Activity {
    /// From its request on, each response of HTTP/1 ends its connection. Each running request has a clone.
    pub(super) drain: Arc<ShutdownSignal>,
    /// A request has come since this was last [taken](take).
    pub(super) requested: AtomicBool,
    /// A request of HTTP/1 came with a body, which may not be read yet.
    pub(super) has_body: AtomicBool,
    /// The client has sent a byte since this was last taken.
    pub(super) heard: AtomicBool,
    unflushed: AtomicBool,
    /// hyper is done, and the client may still be sending.
    pub(super) closing: AtomicBool,
    preface: AtomicUsize,
}

impl Activity {
    pub(super) fn new(drain: ShutdownSignal) -> Self {
        Self {
            drain: Arc::new(drain),
            requested: AtomicBool::default(),
            has_body: AtomicBool::default(),
            heard: AtomicBool::default(),
            unflushed: AtomicBool::default(),
            closing: AtomicBool::default(),
            preface: AtomicUsize::default(),
        }
    }

    /// Returns whether a request runs, or a part of a response is not written yet.
    pub(super) fn is_busy(&self) -> bool {
        Arc::strong_count(&self.drain) > 1 || self.unflushed.load(Relaxed)
    }

    pub(super) fn is_http2(&self) -> bool {
        self.preface.load(Relaxed) == PREFACE.len()
    }

    /// The preface has to come first, so a wrong byte ends the comparison.
    fn record_read(&self, bytes: &[u8]) {
        self.heard.store(true, Relaxed);
        let so_far = self.preface.load(Relaxed);
        if so_far < PREFACE.len() {
            let rest = &PREFACE[so_far..];
            let length = rest.len().min(bytes.len());
            let is_preface = rest[..length] == bytes[..length];
            self.preface.store(if is_preface { so_far + length } else { usize::MAX }, Relaxed);
        }
    }
}

/// Clears a flag. Returns whether it was set.
pub(super) fn take(flag: &AtomicBool) -> bool {
    let was = flag.load(Relaxed);
    if was {
        flag.store(false, Relaxed);
    }
    was
}

pub(super) struct Watched {
    io: Box<dyn Io>,
    activity: Arc<Activity>,
}

impl Watched {
    pub(super) fn new(io: Box<dyn Io>, activity: Arc<Activity>) -> Self {
        Self { io, activity }
    }

    /// Reads the bytes that the client still sends. A socket that is closed before they arrive resets the
    /// connection, and the client may lose the end of a response.
    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut bytes = [0; 4096];
        for _ in 0..16 {
            let mut buffer = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut self.io).poll_read(cx, &mut buffer))?;
            if buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
        cx.waker().wake_by_ref(); // other connections first
        Poll::Pending
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.io).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.activity.record_read(&buffer.filled()[before..]);
        }
        polled
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.activity.unflushed.store(true, Relaxed);
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.activity.unflushed.store(true, Relaxed);
        Pin::new(&mut self.io).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    /// hyper and h2 flush the stream only when they have written all that they have.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.io).poll_flush(cx))?;
        self.activity.unflushed.store(false, Relaxed);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.activity.closing.load(Relaxed) {
            ready!(Pin::new(&mut self.io).poll_shutdown(cx))?;
            // With HTTP/2 a client that reads also writes: it opens its window.
            if !self.activity.has_body.load(Relaxed) && !self.activity.is_http2() {
                return Poll::Ready(Ok(()));
            }
            self.activity.closing.store(true, Relaxed);
        }
        self.poll_discard(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn it_is_busy_until_all_is_flushed() {
        let activity = Arc::new(Activity::new(ShutdownSignal::manual()));
        let (ours, mut theirs) = duplex(1);
        let mut watched = Watched::new(Box::new(ours), Arc::clone(&activity));
        assert!(!activity.is_busy());
        watched.write_all(b"x").await.unwrap();
        assert!(activity.is_busy());
        watched.flush().await.unwrap();
        assert!(!activity.is_busy());

        let request = Arc::clone(&activity.drain);
        assert!(activity.is_busy());
        drop(request);
        assert!(!activity.is_busy());
        assert_eq!(theirs.read_u8().await.unwrap(), b'x');
    }

    #[tokio::test]
    async fn a_preface_comes_first() {
        let too_late = [b"GET ", PREFACE].concat();
        for (bytes, is_http2) in [(PREFACE, true), (&too_late, false), (&PREFACE[..23], false)] {
            let activity = Arc::new(Activity::new(ShutdownSignal::manual()));
            let (ours, mut theirs) = duplex(64);
            let mut watched = Watched::new(Box::new(ours), Arc::clone(&activity));
            theirs.write_all(bytes).await.unwrap();
            for _ in bytes {
                watched.read_u8().await.unwrap(); // one at a time
            }
            assert!(take(&activity.heard) && !take(&activity.heard));
            assert_eq!(activity.is_http2(), is_http2);
        }
    }
}
