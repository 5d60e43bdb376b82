//! The twin of `exit` without the feature `blocking`: nobody ends the process.

#[derive(Default)]
pub(super) struct Ending {
    _nothing: (),
}
