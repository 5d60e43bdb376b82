//! What the other folders share, and what depends on none of them.

pub(crate) mod block_on;
pub(crate) mod clock;
pub(crate) mod human_duration;
pub(crate) mod human_list;
#[cfg(all(unix, feature = "systemd"))]
#[path = "os/monotonic.rs"]
pub(crate) mod monotonic;
pub(crate) mod panic;
pub(crate) mod slab;
pub(crate) mod sync;
#[cfg(all(any(unix, windows), any(feature = "__signal", feature = "progress")))]
#[cfg_attr(all(unix, feature = "progress"), path = "os/terminal_view.rs")]
#[cfg_attr(not(all(unix, feature = "progress")), path = "os/terminal_view_none.rs")]
pub(crate) mod terminal_view;
