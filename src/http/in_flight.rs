//! The layer that counts requests, for servers of other crates.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::request::Parts;
use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::body::InFlightBody;
use super::name::name;
use crate::in_flight::{InFlight, InFlightGuard, Name};

impl InFlight {
    /// Returns a layer that counts HTTP requests, each from its head to the end of its response body.
    ///
    /// It is for servers such as `axum::serve` and tonic's. [`http::Server`](crate::http::Server)
    /// counts by itself, and a layer in its service counts nothing, unless another task calls it. A
    /// request is named by its method and path, `GET /report`:
    ///
    /// ```no_run
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use signoff::{Hooks, InFlight, ShutdownSignal, Tokio};
    /// let shutdown = ShutdownSignal::listen(Tokio)?;
    /// let requests = InFlight::new();
    /// let app = axum::Router::new().layer(requests.layer());
    /// let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    /// let server = axum::serve(listener, app).with_graceful_shutdown(shutdown.clone());
    ///
    /// Hooks::new().exit_on(shutdown).in_flight(&requests).run(server).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// The layer puts the [`InFlightGuard`] into the extensions of the request. A handler that upgrades
    /// the connection can clone it, and so count the connection until the clone is dropped. A request
    /// that has a guard already is not counted again.
    pub fn layer(&self) -> InFlightLayer {
        InFlightLayer { requests: self.clone(), name: None }
    }
}

thread_local! {
    /// Whether this thread works on a request that the server has counted. Only a request that asks for an
    /// upgrade has its guard: for each other one that would cost more than the counting.
    static IS_COUNTED: Cell<bool> = const { Cell::new(false) };
}

/// Calls `f`, which works on a request that the server has counted.
pub(super) fn counted<T>(f: impl FnOnce() -> T) -> T {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            IS_COUNTED.set(self.0);
        }
    }
    let _restore = Restore(IS_COUNTED.replace(true));
    f()
}

/// A layer that counts requests. [`InFlight::layer`] returns it.
#[derive(Clone)]
pub struct InFlightLayer {
    requests: InFlight,
    name: Option<Arc<NameOf>>,
}

type NameOf = dyn Fn(&Parts) -> Cow<'static, str> + Send + Sync;

impl InFlightLayer {
    /// Sets the names of the requests. `name` is called for each request.
    ///
    /// ```
    /// # use signoff::InFlight;
    /// let by_id = InFlight::new().layer().name(|request| {
    ///     let id = request.headers.get("x-request-id").and_then(|id| id.to_str().ok());
    ///     format!("{} {}", request.uri.path(), id.unwrap_or("without id"))
    /// });
    /// ```
    #[must_use]
    pub fn name<F, N>(mut self, name: F) -> Self
    where
        F: Fn(&Parts) -> N + Send + Sync + 'static,
        N: Into<Cow<'static, str>>,
    {
        self.name = Some(Arc::new(move |parts| name(parts).into()));
        self
    }

    fn enter<B>(&self, mut request: Request<B>) -> (Option<InFlightGuard>, Request<B>) {
        if IS_COUNTED.get() || request.extensions().get::<InFlightGuard>().is_some() {
            return (None, request);
        }
        let name = match &self.name {
            None => name(request.method(), request.uri()),
            Some(name) => {
                let (parts, body) = request.into_parts();
                let name = name(&parts);
                request = Request::from_parts(parts, body);
                Name::Text(name)
            }
        };
        let guard = self.requests.enter_named(name);
        request.extensions_mut().insert(guard.clone());
        (Some(guard), request)
    }
}

impl<S> Layer<S> for InFlightLayer {
    type Service = InFlightService<S>;

    fn layer(&self, inner: S) -> InFlightService<S> {
        InFlightService { inner, layer: self.clone() }
    }
}

impl fmt::Debug for InFlightLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("InFlightLayer").field(&self.requests).finish()
    }
}

/// The service of an [`InFlightLayer`].
#[derive(Debug, Clone)]
pub struct InFlightService<S> {
    inner: S,
    layer: InFlightLayer,
}

impl<S, A, B> Service<Request<A>> for InFlightService<S>
where
    S: Service<Request<A>, Response = Response<B>>,
{
    type Response = Response<InFlightBody<B>>;
    type Error = S::Error;
    type Future = InFlightFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        let (guard, request) = self.layer.enter(request);
        InFlightFuture { inner: self.inner.call(request), guard }
    }
}

pin_project! {
    /// The future of an [`InFlightService`].
    #[derive(Debug)]
    pub struct InFlightFuture<F> {
        #[pin]
        inner: F,
        guard: Option<InFlightGuard>,
    }
}

impl<F, B, E> Future for InFlightFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<InFlightBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let result = ready!(this.inner.poll(cx));
        let guard = this.guard.take(); // an error ends the request
        Poll::Ready(result.map(|response| response.map(|body| InFlightBody::new(body, guard))))
    }
}
