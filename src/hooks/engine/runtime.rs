//! The tokio runtime that hooks run in. Without the feature `tokio` there is none: the reactors of the
//! other runtimes run by themselves.
//!
//! Under `exit_on` it is built at the request. A thread of its own drives it, so timers and new
//! connections work even if the program's runtime is blocked. Tasks that hooks spawn are polled on
//! that thread. A task that blocks it stops the timers of the hooks, but not the stages.

pub(super) use imp::HookRuntime;
pub(in crate::hooks) use imp::block_on;

#[cfg(all(any(unix, windows), feature = "tokio"))]
mod imp {
    use std::future::{Future, pending};
    use std::pin::Pin;
    use std::sync::Arc;
    use std::thread::{self, ScopedJoinHandle};
    use std::time::Instant;

    use tokio::runtime::{Builder, EnterGuard, Handle, Runtime};
    use tokio::time::timeout_at;

    use crate::util::block_on;
    use crate::util::panic::catch_panic;

    /// The runtime that a hook is started in.
    #[derive(Clone, Default)]
    pub(in crate::hooks) enum HookRuntime {
        /// None can be built. Hooks run without it.
        #[default]
        None,
        Driven(Handle),
        /// The system refuses the thread that would drive it.
        Undriven(Arc<Runtime>),
    }

    impl HookRuntime {
        pub(in crate::hooks) fn start() -> Self {
            let Some(runtime) = build().map(Arc::new) else { return Self::None };
            let driven = Arc::clone(&runtime);
            let thread = thread::Builder::new().name("signoff-runtime".into());
            match thread.spawn(move || driven.block_on(pending::<()>())) {
                Ok(_) => Self::Driven(runtime.handle().clone()),
                Err(_) => Self::Undriven(runtime),
            }
        }

        /// The runtime of this thread.
        pub(in crate::hooks) fn current() -> Self {
            Handle::try_current().map_or(Self::None, Self::Driven)
        }

        pub(in crate::hooks) fn enter(&self) -> Option<EnterGuard<'_>> {
            match self {
                Self::None => None,
                Self::Driven(handle) => Some(handle.enter()),
                Self::Undriven(runtime) => Some(runtime.enter()),
            }
        }

        /// Runs `hook` on this thread. Returns `None` if the deadline passes first.
        pub(in crate::hooks) fn block_on<F: Future>(
            &self,
            hook: F,
            deadline: Option<Instant>,
        ) -> Option<F::Output> {
            match (self, deadline) {
                (Self::Undriven(runtime), Some(deadline)) => {
                    runtime.block_on(async { timeout_at(deadline.into(), hook).await.ok() })
                }
                (Self::Undriven(runtime), None) => Some(runtime.block_on(hook)),
                _ => block_on::block_on(hook, deadline),
            }
        }
    }

    fn build() -> Option<Runtime> {
        // `enable_all` enables what the program's features of tokio have. With few descriptors left,
        // that may panic.
        catch_panic(|| Builder::new_current_thread().enable_all().build()).ok()?.ok()
    }

    /// Runs the future in a runtime of its own: on this thread, or if that belongs to a runtime or is
    /// about to end, on a new one while this one waits.
    pub(in crate::hooks) fn block_on(future: impl Future<Output = ()> + Send) {
        let mut future = Box::pin(future);
        if Handle::try_current().is_err_and(|error| error.is_missing_context()) {
            return block_on_here(future);
        }
        if !block_on_new_thread(future.as_mut()) {
            block_on::block_on(future, None); // without a thread, and without tokio's timers
        }
    }

    fn block_on_here(future: impl Future<Output = ()>) {
        let Some(runtime) = build() else {
            block_on::block_on(future, None);
            return;
        };
        runtime.block_on(future);
        runtime.shutdown_background(); // does not wait for what hooks have left in it
    }

    /// Returns false if the system refuses the thread.
    fn block_on_new_thread(future: Pin<&mut (impl Future<Output = ()> + Send)>) -> bool {
        let thread = thread::Builder::new().name("signoff-hooks".into());
        thread::scope(|scope| {
            let thread = thread.spawn_scoped(scope, || block_on_here(future));
            thread.map(ScopedJoinHandle::join).is_ok()
        })
    }
}

#[cfg(not(all(any(unix, windows), feature = "tokio")))]
mod imp {
    use std::future::Future;
    use std::time::Instant;

    use crate::util::block_on;

    #[derive(Clone, Default)]
    pub(in crate::hooks) struct HookRuntime;

    impl HookRuntime {
        pub(in crate::hooks) fn start() -> Self {
            Self
        }

        pub(in crate::hooks) fn current() -> Self {
            Self
        }

        pub(in crate::hooks) fn enter(&self) -> &Self {
            self
        }

        #[allow(clippy::unused_self, reason = "the twin for tokio has a runtime")]
        pub(in crate::hooks) fn block_on<F: Future>(
            &self,
            hook: F,
            deadline: Option<Instant>,
        ) -> Option<F::Output> {
            block_on::block_on(hook, deadline)
        }
    }

    /// Runs the future on this thread.
    pub(in crate::hooks) fn block_on(future: impl Future<Output = ()> + Send) {
        block_on::block_on(future, None);
    }
}
