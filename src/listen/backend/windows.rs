//! The backends on Windows. The console handler wakes every waiter, so they only keep the notifier.

/// A backend with nothing to do.
macro_rules! backend {
    ($page:literal: $module:ident::$name:ident) => {
        pub(crate) mod $module {
            use crate::error::Error;
            use crate::listen::backend::{Backend, Notifier};

            #[doc = include_str!($page)]
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
    "../../../features/async-std.md": async_std::AsyncStd
}

#[cfg(feature = "smol")]
backend! {
    "../../../features/smol.md": smol::Smol
}

#[cfg(feature = "tokio")]
pub(crate) mod tokio {
    use tokio::runtime::Handle;

    use crate::error::Error;
    use crate::listen::backend::{Backend, Notifier};

    #[doc = include_str!("../../../features/tokio.md")]
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
