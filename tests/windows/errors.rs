//! What is refused, and the default set.

use signoff::{Error, Signal, Signals};

use super::*;

#[test]
fn the_default_set_has_every_event() {
    let all = [
        Signal::CtrlBreak,
        Signal::CtrlClose,
        Signal::CtrlLogoff,
        Signal::CtrlShutdown,
        Signal::Interrupt,
    ];
    let set = all.into_iter().fold(Signals::none(), Signals::with);
    assert_eq!(set, Signals::default());
    assert_eq!(set.without(Signal::Interrupt), Signals::none().with(Signal::Terminate));
    assert_eq!(
        Signals::default().without(Signal::Terminate),
        Signals::none().with(Signal::Interrupt)
    );
}

#[test]
fn signals_of_other_platforms_are_unknown() {
    for signal in [Signal::Hangup, Signal::Quit, Signal::Other(9), Signal::Other(12)] {
        let stream = Signals::new([signal]).stream(Blocking).expect_err("it is refused");
        assert!(matches!(stream, Error::Unknown(unknown) if unknown == signal));
        let error = Signals::default().with(signal).listen(Blocking).expect_err("it is refused");
        assert!(matches!(error, Error::Unknown(unknown) if unknown == signal));
        let text = format!("this platform has no {signal}: remove it from the set");
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn tokio_needs_a_runtime_here_too() {
    let error = ShutdownSignal::listen(Tokio).expect_err("there is no runtime");
    assert!(matches!(error, Error::NoRuntime { runtime: "tokio" }));
}

#[test]
fn an_empty_set_is_refused() {
    assert!(matches!(Signals::none().listen(Blocking), Err(Error::NoSignals)));
    assert!(matches!(Signals::none().stream(Blocking), Err(Error::NoSignals)));
}
