//! A whole function: hooks, extension and handler.

use std::fmt::Debug;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_lite::Stream;
use lambda_runtime::layers::TracingLayer;
use lambda_runtime::tower::Service;
use lambda_runtime::{Diagnostic, IntoFunctionResponse, LambdaEvent, LambdaInvocation, Runtime};
use serde::{Deserialize, Serialize};

use super::endpoint::is_lambda;
use super::error::Error;
use super::install::{Install, install};
use super::invocations::InvocationsLayer;
use crate::hooks::builder::Hooks;
use crate::in_flight::InFlight;

/// Serves `handler` like `lambda_runtime::run`, and runs `hooks` when Lambda sends `SIGTERM`.
///
/// It calls [`install`] and then `lambda_runtime::run`. It adds the hook `invocation`, which is done
/// if no invocation is running, and otherwise times out immediately. The report then has the
/// invocation's request id, so a function can detect that it exceeded its timeout.
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
///         .run(service_fn(handler))
///         .await?;
///     Ok(())
/// }
///
/// async fn handler(event: LambdaEvent<String>) -> Result<String, Error> {
///     Ok(event.payload)
/// }
/// ```
///
/// To set options, call [`Install::run`] on the value that [`install`] returns. For layers of your
/// own, call [`Install::serve`].
///
/// # Errors
///
/// Returns the errors of [`install`] and of `lambda_runtime::run`, and [`Error::NotInLambda`] outside
/// Lambda.
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
    /// Installs the hooks and then serves `handler`, like [`run`](super::run).
    ///
    /// # Errors
    ///
    /// Returns the errors of [`run`](super::run).
    pub async fn run<A, F, R, B, S, D, E>(self, handler: F) -> Result<(), lambda_runtime::Error>
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
            return Err(Error::NotInLambda.into()); // `Runtime::new` would panic
        }
        self.serve(Runtime::new(handler).layer(TracingLayer::new())).await
    }

    /// Installs the hooks and then runs `runtime`, for a function with layers of its own or with
    /// `SnapStart` resources.
    ///
    /// Like [`run`](super::run), it adds the hook `invocation`. It also registers the extension with
    /// `runtime`, so that `SnapStart` renews its connection. It does not add
    /// `lambda_runtime`'s `TracingLayer`, which [`run`](super::run) does.
    ///
    /// ```no_run
    /// # use lambda_runtime::{Error, LambdaEvent, service_fn};
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Error> {
    /// # let handler = async |event: LambdaEvent<String>| Ok::<_, Error>(event.payload);
    /// use lambda_runtime::{Runtime, layers::TracingLayer};
    /// use signoff::{Hooks, lambda};
    ///
    /// let runtime = Runtime::new(service_fn(handler)).layer(TracingLayer::new());
    /// lambda::install(Hooks::new()).serve(runtime).await
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the errors of [`install`] and of `Runtime::run`.
    pub async fn serve<S>(mut self, runtime: Runtime<S>) -> Result<(), lambda_runtime::Error>
    where
        S: Service<LambdaInvocation, Response = (), Error = lambda_runtime::Error>,
    {
        let in_flight = InFlight::new();
        let drained = in_flight.drained();
        // With a limit of zero it is polled once, and delays nothing.
        let invocation = Hooks::new().hook("invocation", || drained);
        self.hooks = invocation.within(Duration::ZERO).in_front_of(self.hooks);
        let extension = self.extension.clone();
        let installed = self.start()?;
        let runtime = runtime.layer(InvocationsLayer::new(in_flight));
        let runtime = extension.into_iter().fold(runtime, |runtime, extension| {
            runtime.register_snapstart_resource(Arc::new(extension))
        });
        let ended = runtime.run().await;
        installed.guard.await;
        ended
    }
}
