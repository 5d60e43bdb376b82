//! Signals that repeat.

use futures_lite::{StreamExt, future};
use signoff::{Signal, SignalStream, Signals};

use super::*;
use crate::system::CONTROL_C_EXIT;

const SHORT: Duration = Duration::from_millis(30);

/// A stream on the backend that is named, inside of `runtime`.
fn stream_on(backend: &str, runtime: &Runtime, signals: Signals) -> SignalStream {
    system::ignore_ctrl_c(false);
    let _entered = runtime.enter();
    let stream = match backend {
        "tokio" => signals.stream(Tokio),
        "async-std" => signals.stream(AsyncStd),
        "smol" => signals.stream(Smol),
        _ => signals.stream(Blocking),
    };
    stream.expect("nothing is in the way")
}

fn stream(signals: Signals) -> SignalStream {
    stream_on("blocking", &runtime(), signals)
}

fn ctrl_break() -> Signals {
    Signals::new([Signal::CtrlBreak])
}

async fn is_idle(stream: &mut SignalStream) -> bool {
    future::poll_once(stream.recv()).await.is_none()
}

cases! {
    every_event_is_returned: |case| each_event(case, |case, backend, event| {
        let mut child = case.ready(backend);
        // Windows ends the process when the handler of close, logoff or shutdown returns. While it is
        // kept, no other event is handled.
        let (rounds, time) = if is_kept(event) { (1, KEPT) } else { (3, BOUND) };
        for _ in 0..rounds {
            let delivery = child.send(event);
            child.expect(name_of(event));
            assert_eq!(delivery.ends_within(time), !is_kept(event), "{}", name_of(event));
        }
        child.go_on();
        child.exits_with(0);
    }), || {
        let runtime = runtime();
        let mut stream = stream_on(&variant(), &runtime, Signals::default());
        say("ready");
        runtime.spawn(async move {
            loop {
                say(stream.recv().await);
            }
        });
        until_told();
        std::process::exit(0);
    };

    pending_events_are_one: |case| for backend in BACKENDS {
        case.passes(backend);
    }, || {
        let runtime = runtime();
        let signals = ctrl_break().with(Signal::Interrupt);
        let mut stream = stream_on(&variant(), &runtime, signals);
        for event in [CTRL_BREAK, CTRL_C, CTRL_BREAK, CTRL_BREAK] {
            raise(event);
        }
        runtime.block_on(async {
            let mut both = [stream.recv().await, stream.recv().await];
            both.sort_by_key(|signal| *signal != Signal::Interrupt);
            assert_eq!(both, [Signal::Interrupt, Signal::CtrlBreak]);
            assert!(is_idle(&mut stream).await);
            raise(CTRL_BREAK);
            assert_eq!(stream.next().await, Some(Signal::CtrlBreak));
        });
    };

    threads_wait: |case| for backend in BACKENDS {
        let child = case.ready(backend);
        for _ in 0..2 {
            child.send(CTRL_BREAK);
            child.expect("CTRL_BREAK");
        }
        child.passes();
    }, || {
        let runtime = runtime();
        let mut stream = stream_on(&variant(), &runtime, ctrl_break());
        drop(runtime); // no thread needs it
        assert_eq!(stream.wait_timeout(SHORT), None);
        say("ready");
        say(stream.wait());
        say(stream.wait_timeout(Duration::MAX).expect("there is no timeout"));
        assert_eq!(stream.wait_timeout(Duration::ZERO), None);
    };

    several_at_once_beside_a_shutdown: |case| case.passes("several"), || {
        let mut streams = [stream(ctrl_break()), stream(Signals::default())];
        let same = ctrl_break().listen(Blocking).expect("nothing is in the way");
        let other = Signals::new([Signal::Interrupt]).listen(Blocking).expect("nothing is in the way");
        for _ in 0..3 {
            raise(CTRL_BREAK);
            for stream in &mut streams {
                assert_eq!(stream.wait(), Signal::CtrlBreak);
            }
        }
        assert!(same.is_requested() && !other.is_requested());
        raise(CTRL_C);
        assert!(other.is_requested());
        let [first, second] = &mut streams;
        assert_eq!((first.wait_timeout(SHORT), second.wait()), (None, Signal::Interrupt));
    };

    a_second_ctrl_c_does_not_exit: |case| case.passes("again"), || {
        let mut stream = stream(Signals::new([Signal::Interrupt]));
        for _ in 0..2 {
            raise(CTRL_C);
            assert_eq!(stream.wait(), Signal::Interrupt);
            thread::sleep(ANOTHER_PRESS);
        }
    };

    the_default_is_back_after_the_drop: |case| {
        let child = case.ready("dropped");
        child.send(CTRL_BREAK);
        child.exits_with(CONTROL_C_EXIT);
    }, || {
        let mut stream = stream(ctrl_break());
        raise(CTRL_BREAK);
        assert_eq!(stream.wait(), Signal::CtrlBreak);
        raise(CTRL_BREAK);
        drop(stream); // and an event that was not looked at
        say("ready");
        stuck()
    };
}
