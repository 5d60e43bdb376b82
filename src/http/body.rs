//! Bodies that count. A response is a part of its request until its last byte is written.

use std::io::IoSlice;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http_body::{Body, Frame, SizeHint};
use hyper::body::Buf;
use pin_project_lite::pin_project;

use crate::in_flight::InFlightGuard;
use crate::signal::ShutdownSignal;

pin_project! {
    /// The body of a response that counts until the body has ended or is dropped.
    /// [`InFlightLayer`](super::InFlightLayer) makes it.
    #[derive(Debug)]
    pub struct InFlightBody<B> {
        #[pin]
        inner: B,
        guard: Option<InFlightGuard>,
    }
}

impl<B> InFlightBody<B> {
    pub(super) fn new(inner: B, guard: Option<InFlightGuard>) -> Self {
        Self { inner, guard }
    }
}

impl<B: Body> Body for InFlightBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        let polled = this.inner.poll_frame(cx);
        if let Poll::Ready(None) = polled {
            this.guard.take();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// A request that the server runs. It runs until all clones are dropped.
#[derive(Clone)]
pub(super) struct Running {
    pub(super) _guard: InFlightGuard,
    /// A clone of [`Activity::drain`](super::io::Activity::drain).
    pub(super) drain: Arc<ShutdownSignal>,
}

pin_project! {
    /// The body of a response of the server. hyper drops a body as soon as it has its last frame, and
    /// the client may not have read that for minutes. So each frame keeps the request running.
    pub(super) struct RunningBody<B> {
        #[pin]
        inner: B,
        running: Option<Running>,
    }
}

impl<B> RunningBody<B> {
    pub(super) fn new(inner: B, running: Option<Running>) -> Self {
        Self { inner, running }
    }
}

impl<B: Body> Body for RunningBody<B> {
    type Data = RunningData<B::Data>;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, B::Error>>> {
        let mut this = self.project();
        let polled = this.inner.as_mut().poll_frame(cx);
        let is_last = this.inner.is_end_stream();
        let keep = |inner| {
            let running = if is_last { this.running.take() } else { this.running.clone() };
            RunningData { inner, _running: running }
        };
        polled.map_ok(|frame| frame.map_data(keep))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// The data of a frame. hyper drops it when it is written.
pub(super) struct RunningData<D> {
    inner: D,
    _running: Option<Running>,
}

impl<D: Buf> Buf for RunningData<D> {
    fn remaining(&self) -> usize {
        self.inner.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.inner.chunk()
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        self.inner.chunks_vectored(slices)
    }

    fn advance(&mut self, count: usize) {
        self.inner.advance(count);
    }
}
