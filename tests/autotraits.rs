//! What the types are to the rest of a program: these are promises too.

use std::error::Error as StdError;
use std::fmt::{Debug, Display};
use std::hash::Hash;
use std::panic::{RefUnwindSafe, UnwindSafe};

use signoff::hooks::{Event, HookHandle, HookReport, Outcome, StageStarted};
use signoff::{Drained, InFlightEntry, InFlightGuard, TaskPanicked};
use signoff::{
    Error, ForcedExit, HookSet, InFlight, Process, Reason, Report, RequestGuard, ShutdownSignal,
    Signal, Signals, Wait,
};

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

fn shared<T: Debug + Send + Sync + 'static>() {}
fn waits<T: Future<Output = ()> + Debug + Send + Sync + Unpin>(_: &T) {}
fn sends<T: Send>(_: &T) {}

#[test]
fn the_signal_goes_everywhere() {
    signal::<ShutdownSignal>();
    by_reference::<ShutdownSignal>();
    shared::<RequestGuard>();
    shared::<HookSet>();
    shared::<HookHandle>();
    shared::<Event>();
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
    check::<TaskPanicked>();
    check::<StageStarted<std::cell::Cell<u8>>>(); // the hook need not be Sync
    let _: Box<dyn StdError + Send + Sync> = Error::NoSignals.into();
}

#[test]
fn values_go_through_catch_unwind() {
    fn check<T: UnwindSafe + RefUnwindSafe>() {}
    check::<Reason>();
    check::<Signals>();
}

#[test]
fn a_report_goes_to_other_threads() {
    shared::<Report>();
    shared::<HookReport>();
    shared::<Outcome>();
}

#[test]
fn in_flight_work_goes_to_other_threads() {
    fn cloned<T: Clone + Default>() {}
    shared::<InFlight>();
    shared::<InFlightGuard>();
    cloned::<InFlight>();
    waits(&InFlight::new().drained());
    shared::<Drained>();
    shared::<InFlightEntry>();
    shared::<TaskPanicked>();
}

/// A task that can be sent can be sent with its name, too.
#[test]
fn a_tracked_task_is_what_the_task_is() {
    fn spawns<T: Future + Send + Sync + 'static>(_: &T) {}
    let in_flight = InFlight::new();
    spawns(&in_flight.track(String::from("flush"), async {}));
    let (local, name) = (std::rc::Rc::new(1), "local");
    let count = futures_lite::future::block_on(in_flight.track(name, async { *local }));
    assert_eq!(count, 1);
}

#[test]
fn in_flight_work_goes_through_catch_unwind() {
    fn check<T: UnwindSafe + RefUnwindSafe>() {}
    check::<InFlight>();
    check::<InFlightGuard>();
    check::<Drained>();
}
