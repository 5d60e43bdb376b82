//! The backends on Windows. The console handler wakes every waiter, so they only keep the notifier.

/// A backend with nothing to do.
#[allow(unused_macros, reason = "tokio has more to say")]
macro_rules! backend {
    ($(#[$attribute:meta])* $page:literal: $module:ident::$name:ident) => {
        #[doc = include_str!($page)]
        pub mod $module {
            use crate::listen::backend::{Backend, Notifier};
            use crate::error::Error;

            $(#[$attribute])*
            #[derive(Debug, Clone, Copy, Default)]
            pub struct $name;

            impl Backend for $name {
                type Watch = Notifier;

                fn watch(self, notifier: Notifier) -> Result<Notifier, Error> {
                    Ok(notifier)
                }
            }
        }
    };
}

#[cfg(feature = "async-std")]
backend! {
    /// async-std. On Windows it has nothing to wait for, so `listen` may be called anywhere.
    "../../../features/async-std.md": async_std::AsyncStd
}

#[cfg(feature = "smol")]
backend! {
    /// smol, and everything built on async-io. On Windows it has nothing to wait for, so `listen` may
    /// be called anywhere.
    "../../../features/smol.md": smol::Smol
}

#[cfg(feature = "tokio")]
#[doc = include_str!("../../../features/tokio.md")]
pub mod tokio {
    use tokio::runtime::Handle;

    use crate::error::Error;
    use crate::listen::backend::{Backend, Notifier};

    /// The tokio runtime that `listen` is called in.
    ///
    /// On Windows it has nothing to wait for, and needs no I/O driver.
    #[derive(Debug, Clone, Copy, Default)]
    pub struct Tokio;

    impl Backend for Tokio {
        type Watch = Notifier;

        /// Asks for the runtime as on Unix, so that a program that starts here also starts there.
        fn watch(self, notifier: Notifier) -> Result<Notifier, Error> {
            Handle::try_current().map_err(|_| Error::NoRuntime { runtime: "tokio" })?;
            Ok(notifier)
        }
    }
}
