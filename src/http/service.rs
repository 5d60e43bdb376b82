//! The program's service, as hyper calls it: each request is counted.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::service::service_fn;
use tower_service::Service;

use super::BoxError;
use super::body::{Running, RunningBody};
use super::close::close;
use super::in_flight::enter;
use super::io::Activity;
use crate::in_flight::InFlight;
use crate::signal::ShutdownSignal;

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

/// Counts the requests of one connection. `map` prepares each of them.
pub(super) fn counted<S: HttpService>(
    service: S,
    map: impl Fn(Request<Incoming>) -> Request<Incoming>,
    requests: InFlight,
    drain: ShutdownSignal,
    activity: Arc<Activity>,
) -> impl hyper::service::Service<
    Request<Incoming>,
    Response = Response<RunningBody<S::Body>>,
    Error = S::Error,
    Future: Send + 'static,
> {
    service_fn(move |request: Request<Incoming>| {
        let guard = enter(&requests, &request);
        activity.requested.store(true, Relaxed);
        activity.has_body.store(!request.body().is_end_stream(), Relaxed);
        let running = Running::new(guard.clone(), Arc::clone(&activity.running));
        let (version, drain, mut service) = (request.version(), drain.clone(), service.clone());
        let mut request = map(request);
        request.extensions_mut().insert(guard);
        async move {
            poll_fn(|cx| service.poll_ready(cx)).await?;
            let mut response = service.call(request).await?;
            if drain.is_requested() {
                close(&mut response, version);
            }
            Ok(response.map(|body| RunningBody::new(body, running)))
        }
    })
}
