#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "blocking")]
mod channel;
#[cfg(not(feature = "blocking"))]
mod channel {
    //! Without channels there is nothing to keep for them.
    #[derive(Default)]
    pub(crate) struct Outlets;
}
mod error;
mod latch;
mod park;
mod reason;
mod signal;
mod signals;
mod sync;
mod waiters;

pub use error::Error;
pub use reason::{Reason, Sender, Signal};
pub use signal::{ShutdownSignal, Wait};
pub use signals::{ForcedExit, Signals};

/// What every backend needs, and nobody without one.
macro_rules! cfg_any_backend {
    ($($item:item)*) => {
        $(
            #[cfg(all(
                unix,
                any(
                    feature = "tokio",
                    feature = "async-std",
                    feature = "smol",
                    feature = "blocking"
                )
            ))]
            $item
        )*
    };
}

cfg_any_backend! {
    mod handler;
    mod listen;

    pub use backend::{Backend, Bell};

    pub mod backend {
        //! The runtimes that can wait for a signal: a page for each, and the trait that they
        //! implement.

        mod bell;
        #[cfg(any(feature = "tokio", feature = "async-std", feature = "smol"))]
        mod on_driver;

        #[cfg(feature = "async-std")]
        pub mod async_std;
        #[cfg(feature = "blocking")]
        pub mod blocking;
        #[cfg(feature = "smol")]
        pub mod smol;
        #[cfg(feature = "tokio")]
        pub mod tokio;

        pub(crate) use bell::Duty;
        pub use bell::{Backend, Bell};
    }
}

#[cfg(all(unix, feature = "lambda"))]
pub mod lambda;

#[cfg(all(unix, feature = "async-std"))]
pub use backend::async_std::AsyncStd;
#[cfg(all(unix, feature = "blocking"))]
pub use backend::blocking::Blocking;
#[cfg(all(unix, feature = "smol"))]
pub use backend::smol::Smol;
#[cfg(all(unix, feature = "tokio"))]
pub use backend::tokio::Tokio;
