//! Consoles, and what the process inherited.

use super::*;

cases! {
    an_ignored_ctrl_c_stays_ignored: |case| {
        let mut child = case.ready_group();
        assert!(child.send(CTRL_C).ends_within(BOUND));
        child.go_on();
        child.expect("requested: false");
        if !system::is_wine() { // which ignores every event then
            child.send(CTRL_BREAK);
            child.expect("CTRL_BREAK");
        }
        drop(child);
    }, || {
        let shutdown = ShutdownSignal::listen(Blocking).expect("nothing is in the way");
        say("ready");
        until_told();
        say(format_args!("requested: {}", shutdown.is_requested()));
        say(shutdown.wait());
    };

    without_a_console: |case| case.passes("none"), || {
        system::leave_console();
        let shutdown = listen();
        raise(CTRL_BREAK);
        shutdown.wait();
    };

    ctrl_c_in_a_console: |case| case.passes("console"), || {
        let shutdown = listen();
        assert!(system::press_ctrl_c_in_own_console());
        assert_eq!(shutdown.wait_timeout(BOUND).expect("in time").to_string(), "SIGINT");
    };
}
