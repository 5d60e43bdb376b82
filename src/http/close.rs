//! `connection: close` on the last responses of HTTP/1 connections.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::header::CONNECTION;
use http::{HeaderValue, Request, Response, StatusCode, Version};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::signal::ShutdownSignal;

impl ShutdownSignal {
    /// Returns a layer that adds `connection: close` to HTTP/1 responses from the shutdown request on.
    ///
    /// Clients then open their next connection elsewhere, in place of sending a request that meets the
    /// end of this one. Responses of HTTP/2 and upgrades (status 101) are left alone.
    /// [`Server`](crate::http::Server) does this by itself.
    ///
    /// ```
    /// # use signoff::ShutdownSignal;
    /// # let shutdown = ShutdownSignal::manual();
    /// let app = axum::Router::<()>::new().layer(shutdown.connection_close());
    /// ```
    pub fn connection_close(&self) -> ConnectionCloseLayer {
        ConnectionCloseLayer(self.clone())
    }
}

/// Adds the header to a response of this version.
pub(super) fn close<B>(response: &mut Response<B>, version: Version) {
    let is_http1 = version == Version::HTTP_11 || version == Version::HTTP_10;
    if is_http1 && response.status() != StatusCode::SWITCHING_PROTOCOLS {
        response.headers_mut().append(CONNECTION, HeaderValue::from_static("close"));
    }
}

/// A layer that ends connections. [`ShutdownSignal::connection_close`] returns it.
#[derive(Debug, Clone)]
pub struct ConnectionCloseLayer(ShutdownSignal);

impl<S> Layer<S> for ConnectionCloseLayer {
    type Service = ConnectionClose<S>;

    fn layer(&self, inner: S) -> ConnectionClose<S> {
        ConnectionClose { inner, shutdown: self.0.clone() }
    }
}

/// The service of a [`ConnectionCloseLayer`].
#[derive(Debug, Clone)]
pub struct ConnectionClose<S> {
    inner: S,
    shutdown: ShutdownSignal,
}

impl<S, A, B> Service<Request<A>> for ConnectionClose<S>
where
    S: Service<Request<A>, Response = Response<B>>,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = ConnectionCloseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        let (shutdown, version) = (self.shutdown.clone(), request.version());
        ConnectionCloseFuture { inner: self.inner.call(request), shutdown, version }
    }
}

pin_project! {
    /// The future of a [`ConnectionClose`].
    #[derive(Debug)]
    pub struct ConnectionCloseFuture<F> {
        #[pin]
        inner: F,
        shutdown: ShutdownSignal,
        version: Version,
    }
}

impl<F, B, E> Future for ConnectionCloseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut result = ready!(this.inner.poll(cx));
        if let (Ok(response), true) = (&mut result, this.shutdown.is_requested()) {
            close(response, *this.version);
        }
        Poll::Ready(result)
    }
}
