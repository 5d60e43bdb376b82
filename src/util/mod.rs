//! What the other folders share, and what depends on none of them.

pub(crate) mod block_on;
pub(crate) mod clock;
pub(crate) mod human_duration;
pub(crate) mod human_list;
pub(crate) mod os;
pub(crate) mod output;
pub(crate) mod owner;
pub(crate) mod panic;
pub(crate) mod slab;
pub(crate) mod sync;
pub(crate) mod text;
