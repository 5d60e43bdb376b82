//! A whole function: hooks, extension and handler.

use std::fmt::Debug;
use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use futures_lite::Stream;
use lambda_runtime::layers::TracingLayer;
use lambda_runtime::tower::Service;
use lambda_runtime::{Diagnostic, IntoFunctionResponse, LambdaEvent, Runtime};
use serde::{Deserialize, Serialize};

use super::endpoint::is_lambda;
use super::error::Error;
use super::install::{Install, install};
use super::invocations::InvocationsLayer;
use crate::hooks::Hooks;
use crate::in_flight::InFlight;

/// Serves `handler` as `lambda_runtime::run` does, and runs `hooks` when Lambda takes the
/// environment down.
///
/// It is [`install`], then `lambda_runtime::run`, with one hook more, `invocation`: done where the
/// environment was idle, timed out where it was not, which is how a function finds out that it was
/// given up at its timeout. The report names the invocation.
///
/// ```no_run
/// use lambda_runtime::{Error, LambdaEvent, service_fn};
/// use signoff::{Hooks, lambda};
///
/// # struct Store; impl Store { async fn close(self) {} }
/// # fn open() -> Store { Store }
/// #[tokio::main]
/// async fn main() -> Result<(), Error> {
///     let store = open();
///     let hooks = Hooks::new().hook("store", async move || store.close().await);
///     lambda::install(hooks)
///         .on_report(|report| report.eprint())
///         .run(service_fn(handler))
///         .await
/// }
///
/// async fn handler(event: LambdaEvent<String>) -> Result<String, Error> {
///     Ok(event.payload)
/// }
/// ```
///
/// For the choices of `install`, call [`run`](Install::run) on what that returns.
///
/// # Errors
///
/// As for [`install`], as for `lambda_runtime::run`, and [`Error::NotInLambda`] where there is no
/// Lambda to serve.
pub async fn run<A, F, R, B, S, D, E>(handler: F, hooks: Hooks) -> Result<(), lambda_runtime::Error>
where
    F: Service<LambdaEvent<A>, Response = R>,
    F::Future: Future<Output = Result<R, F::Error>>,
    F::Error: Into<Diagnostic> + Debug,
    A: for<'de> Deserialize<'de>,
    R: IntoFunctionResponse<B, S>,
    B: Serialize,
    S: Stream<Item = Result<D, E>> + Unpin + Send + 'static,
    D: Into<Bytes> + Send,
    E: Into<lambda_runtime::Error> + Send + Debug,
{
    install(hooks).run(handler).await
}

impl Install {
    /// Installs, and then serves `handler`: [`run`](super::run) with choices.
    ///
    /// # Errors
    ///
    /// As for [`run`](super::run).
    pub async fn run<A, F, R, B, S, D, E>(mut self, handler: F) -> Result<(), lambda_runtime::Error>
    where
        F: Service<LambdaEvent<A>, Response = R>,
        F::Future: Future<Output = Result<R, F::Error>>,
        F::Error: Into<Diagnostic> + Debug,
        A: for<'de> Deserialize<'de>,
        R: IntoFunctionResponse<B, S>,
        B: Serialize,
        S: Stream<Item = Result<D, E>> + Unpin + Send + 'static,
        D: Into<Bytes> + Send,
        E: Into<lambda_runtime::Error> + Send + Debug,
    {
        if !is_lambda() {
            return Err(Error::NotInLambda.into()); // lambda_runtime would panic
        }
        let in_flight = InFlight::new();
        let counted = in_flight.clone();
        // No time at all: it is asked once, and nobody waits for it.
        self.hooks = self.hooks.first("invocation", Duration::ZERO, move || counted.drained());
        let installed = self.start()?;
        let runtime = Runtime::new(handler).layer(TracingLayer::new());
        let ended = runtime.layer(InvocationsLayer::new(in_flight)).run().await;
        installed.joined().await;
        ended
    }
}
