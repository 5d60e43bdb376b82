//! Counts invocations.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use lambda_runtime::LambdaInvocation;
use lambda_runtime::tower::{Layer, Service};

use crate::in_flight::{InFlight, InFlightGuard};

/// A layer for `lambda_runtime::Runtime` that counts the running invocations.
///
/// [`run`](super::run) uses it. Programs that build the runtime themselves add it like this:
///
/// ```no_run
/// # use lambda_runtime::{Error, LambdaEvent, Runtime, service_fn};
/// # #[tokio::main]
/// # async fn main() -> Result<(), Error> {
/// use signoff::{Hooks, InFlight, lambda};
///
/// let in_flight = InFlight::new();
/// let counted = in_flight.clone();
/// let hooks = Hooks::new().hook("invocations", move || counted.drained());
/// let _installed = lambda::install(hooks).await?;
/// # let handler = async |event: LambdaEvent<String>| Ok::<_, Error>(event.payload);
/// let runtime = Runtime::new(service_fn(handler));
/// runtime.layer(lambda::InvocationsLayer::new(in_flight)).run().await
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct InvocationsLayer(InFlight);

impl InvocationsLayer {
    /// Counts invocations in `in_flight`. Each is named by its request id.
    #[must_use]
    pub fn new(in_flight: InFlight) -> Self {
        Self(in_flight)
    }
}

impl<S> Layer<S> for InvocationsLayer {
    type Service = Invocations<S>;

    fn layer(&self, service: S) -> Invocations<S> {
        Invocations { service, in_flight: self.0.clone() }
    }
}

/// A service that counts its invocations. [`InvocationsLayer`] creates it.
#[derive(Debug, Clone)]
pub struct Invocations<S> {
    service: S,
    in_flight: InFlight,
}

impl<S: Service<LambdaInvocation>> Service<LambdaInvocation> for Invocations<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = Invocation<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, invocation: LambdaInvocation) -> Invocation<S::Future> {
        let guard = self.in_flight.enter(format!("invocation {}", invocation.context.request_id));
        Invocation { future: Box::pin(self.service.call(invocation)), _guard: guard }
    }
}

/// The future of a counted invocation.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Invocation<F> {
    future: Pin<Box<F>>,
    _guard: InFlightGuard,
}

impl<F: Future> Future for Invocation<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.future.as_mut().poll(cx)
    }
}
