//! What the types are to the rest of a program: these are promises too.

use std::error::Error as StdError;
use std::fmt::{Debug, Display};
use std::hash::Hash;
use std::panic::{RefUnwindSafe, UnwindSafe};

use signoff::{Error, ForcedExit, Process, Reason, ShutdownSignal, Signal, Signals, Wait};

fn value<T: Clone + Eq + Debug + Send + Sync + Unpin + 'static>() {}

fn signal<T>()
where
    T: Clone + Debug + Send + Sync + Unpin + 'static,
    T: Future<Output = ()>,
{
}

fn by_reference<'a, T: 'a>()
where
    &'a T: IntoFuture<Output = (), IntoFuture = Wait<'a>>,
{
}

fn waits<T: Future<Output = ()> + Debug + Send + Sync + Unpin>(_: &T) {}
fn sends<T: Send>(_: &T) {}

#[test]
fn the_signal_goes_everywhere() {
    signal::<ShutdownSignal>();
    by_reference::<ShutdownSignal>();
    waits(&(&ShutdownSignal::manual()).into_future());
    sends(&ShutdownSignal::manual().run_until_requested(async {}));
}

#[test]
#[cfg(target_pointer_width = "64")]
fn it_is_small() {
    assert_eq!(size_of::<ShutdownSignal>(), 24);
    assert_eq!(size_of::<Wait<'_>>(), 24);
}

#[test]
fn values_are_values() {
    fn small<T: Copy + Hash>() {}
    value::<Signals>();
    value::<Reason>();
    value::<Signal>();
    value::<Process>();
    value::<ForcedExit>();
    small::<Signal>();
    small::<Process>();
    small::<ForcedExit>();
}

#[test]
fn errors_go_into_a_box() {
    fn check<T: StdError + Display + Send + Sync + 'static>() {}
    check::<Error>();
    let _: Box<dyn StdError + Send + Sync> = Error::NoSignals.into();
}

#[test]
fn values_go_through_catch_unwind() {
    fn check<T: UnwindSafe + RefUnwindSafe>() {}
    check::<Reason>();
    check::<Signals>();
}
