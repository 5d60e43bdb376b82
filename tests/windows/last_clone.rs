//! Promise 6: what happens after the last clone is dropped.

use std::sync::atomic::{AtomicU32, Ordering};

use signoff::{ForcedExit, Signal, Signals};

use super::*;
use crate::system::CONTROL_C_EXIT;

cases! {
    the_default_is_back_after_the_last_clone: |case| for event in EVENTS {
        let status = |variant| {
            let child = case.ready(variant);
            child.send(event);
            child.ends()
        };
        assert_eq!(status("dropped"), status("never listened"), "{}", name_of(event));
    }, || {
        system::ignore_ctrl_c(false);
        if variant() == "dropped" {
            let shutdown = listen();
            drop(shutdown.clone());
            drop(shutdown);
        }
        say("ready");
        stuck()
    };

    a_shutdown_goes_on_after_the_last_clone: |case| for (variant, again, status) in [
        ("asked", CTRL_BREAK, 7),
        ("not asked", CTRL_BREAK, 7),
        ("asked", CTRL_C, CONTROL_C_EXIT),
        ("the next listen", CTRL_BREAK, CONTROL_C_EXIT),
    ] {
        let mut child = case.ready(variant);
        let delivery = child.send_again(again);
        if status == 7 {
            assert!(delivery.ends_within(BOUND));
            child.go_on();
        }
        child.exits_with(status);
    }, || {
        let shutdown = listen();
        raise(CTRL_BREAK);
        if variant() != "not asked" {
            shutdown.wait();
        }
        drop(shutdown);
        if variant() == "the next listen" {
            drop(listen());
        }
        thread::spawn(|| {
            until_told();
            std::process::exit(7);
        });
        say("ready");
        stuck()
    };

    another_listener_keeps_the_event: |case| case.passes("two"), || {
        let (first, second) = (listen(), listen());
        raise(CTRL_C);
        drop(first);
        assert_eq!(second.wait().to_string(), "SIGINT");
    };

    an_earlier_handler_gets_what_is_not_listened_to: |case| case.passes("handler"), || {
        static EVENTS_SEEN: AtomicU32 = AtomicU32::new(0);
        extern "system" fn earlier(_: u32) -> i32 {
            EVENTS_SEEN.fetch_add(1, Ordering::Relaxed);
            1
        }
        extern "system" fn later(_: u32) -> i32 {
            0
        }
        system::ignore_ctrl_c(false);
        system::add_handler(earlier);
        let ctrl_c = Signals::none().with(Signal::Interrupt).listen(Blocking);
        let ctrl_c = ctrl_c.expect("nothing is in the way");
        system::add_handler(later);
        raise(CTRL_BREAK);
        assert_eq!(EVENTS_SEEN.load(Ordering::Relaxed), 1);
        raise(CTRL_C);
        ctrl_c.wait();
        assert_eq!(EVENTS_SEEN.load(Ordering::Relaxed), 1);
        drop(ctrl_c);
        thread::sleep(ANOTHER_PRESS);
        raise(CTRL_BREAK);
        assert_eq!(EVENTS_SEEN.load(Ordering::Relaxed), 2);
    };

    listeners_come_and_go_while_events_come: |case| case.passes("stress"), || {
        system::ignore_ctrl_c(false);
        let signals = || Signals::default().forced_exit(ForcedExit::Never).listen(Blocking);
        let stays = signals().expect("nothing is in the way");
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| for _ in 0..200 {
                    let shutdown = signals().expect("nothing is in the way");
                    let _ = shutdown.is_requested();
                });
            }
            for event in [CTRL_C, CTRL_BREAK].repeat(20) {
                raise(event);
            }
        });
        assert!(stays.is_requested());
    };
}
