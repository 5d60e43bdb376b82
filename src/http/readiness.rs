//! A probe that fails from the shutdown request on.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Request, Response, StatusCode};
use tower_service::Service;

use crate::signal::ShutdownSignal;

impl ShutdownSignal {
    /// Returns a service for readiness probes: `200 ready`, and `503 stopping` from the shutdown
    /// request on.
    ///
    /// It is a tower service, for a route of the program's own server. It opens no port.
    ///
    /// ```
    /// # let shutdown = signoff::ShutdownSignal::manual();
    /// let app = axum::Router::<()>::new().route_service("/ready", shutdown.readiness());
    /// ```
    pub fn readiness(&self) -> Readiness {
        Readiness(self.clone())
    }
}

/// The service of a readiness probe. [`ShutdownSignal::readiness`] returns it.
#[derive(Debug, Clone)]
pub struct Readiness(ShutdownSignal);

impl<B> Service<Request<B>> for Readiness {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<B>) -> Self::Future {
        let (status, text) = if self.0.is_requested() {
            (StatusCode::SERVICE_UNAVAILABLE, "stopping\n")
        } else {
            (StatusCode::OK, "ready\n")
        };
        let mut response = Response::new(text.to_owned());
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        ready(Ok(response))
    }
}
