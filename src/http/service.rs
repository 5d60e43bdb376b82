//! The program's service, as hyper calls it: each request is counted.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, ready};

use http::{Request, Response, Version};
use http_body::Body;
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper_util::service::{TowerToHyperService, TowerToHyperServiceFuture};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::BoxError;
use super::body::{Running, RunningBody};
use super::close::close;
use super::in_flight::counted;
use super::io::Activity;
use super::name::name;
use crate::in_flight::InFlight;

/// A service that a [`Server`](super::Server) can serve: any tower service of HTTP requests, such as
/// axum's `Router`, tonic's `Routes` and tower's `service_fn`.
///
/// It is implemented for all services that fulfil these bounds.
pub trait HttpService:
    Service<
        Request<Incoming>,
        Response = Response<Self::Body>,
        Error: Into<BoxError>,
        Future: Send + 'static,
    > + Clone
    + Send
    + 'static
{
    /// The body of its responses.
    type Body: Body<Data: Send, Error: Into<BoxError>> + Send + 'static;
}

impl<S, B> HttpService for S
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    type Body = B;
}

/// The service of one connection.
pub(super) struct Counted<S, M> {
    pub(super) service: TowerToHyperService<S>,
    /// Prepares each request.
    pub(super) map: Option<M>,
    pub(super) requests: InFlight,
    pub(super) activity: Arc<Activity>,
}

impl<S, M> hyper::service::Service<Request<Incoming>> for Counted<S, M>
where
    S: HttpService,
    M: Fn(Request<Incoming>) -> Request<Incoming>,
{
    type Response = Response<RunningBody<S::Body>>;
    type Error = S::Error;
    type Future = Call<TowerToHyperServiceFuture<S, Request<Incoming>>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let guard = self.requests.enter_named(name(request.method(), request.uri()));
        if request.extensions().get::<OnUpgrade>().is_some() {
            request.extensions_mut().insert(guard.clone());
        }
        self.activity.requested.store(true, Relaxed);
        let version = request.version();
        let has_body = version < Version::HTTP_2 && !request.body().is_end_stream();
        self.activity.has_body.store(has_body, Relaxed);
        let running = Running { _guard: guard, drain: Arc::clone(&self.activity.drain) };
        if let Some(map) = &self.map {
            request = map(request);
        }
        Call { inner: self.service.call(request), version, running: Some(running) }
    }
}

pin_project! {
    /// A call of the program's service.
    pub(super) struct Call<F> {
        #[pin]
        inner: F,
        version: Version,
        running: Option<Running>,
    }
}

impl<F, B, E> Future for Call<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<RunningBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut response = ready!(counted(|| this.inner.poll(cx)))?;
        let running = this.running.take();
        if running.as_ref().is_some_and(|running| running.drain.is_requested()) {
            close(&mut response, *this.version);
        }
        Poll::Ready(Ok(response.map(|body| RunningBody::new(body, running))))
    }
}
