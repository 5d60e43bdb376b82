//! `Signal::exit`: a program that ends itself by a signal after its own cleanup.
#![cfg(unix)]

mod common;

use common::{Case, at_once, cases, say, system, variant};
use libc::{SIGHUP, SIGINT, SIGKILL, SIGTERM};
use signoff::{Blocking, ShutdownSignal, Signal};

/// Each way to have the signal, which must not keep it from ending the process.
const WAYS: [&str; 4] = ["as it is", "blocked", "ignored", "listened to"];

cases! {
    by_the_signal: |case: &Case| at_once(WAYS, |way| {
        for signal in [SIGTERM, SIGINT, SIGHUP, SIGKILL] {
            let child = case.variant(&format!("{way}, {signal}")).start();
            child.dies_by(signal);
        }
    }), || {
        let variant = variant().unwrap();
        let (way, signal) = variant.split_once(", ").unwrap();
        let signal = signal.parse().unwrap();
        match way {
            "blocked" => system::block(&[signal]),
            "ignored" => system::ignore(&[signal]),
            _ => {}
        }
        let listening = (way == "listened to").then(|| ShutdownSignal::listen(Blocking).unwrap());
        exit(signal);
        drop(listening);
    };

    // A signal that does not end a process, and one that would stop it.
    by_the_status: |case: &Case| for signal in [libc::SIGWINCH, libc::SIGCHLD, libc::SIGTSTP] {
        case.variant(&signal.to_string()).start().exits_with(128 + signal);
    }, || exit(variant().unwrap().parse().unwrap());

    as_the_first_process: |case: &Case| if let Some(child) = case.start_as_first() {
        child.exits_with(128 + SIGTERM);
    }, || {
        say("started");
        exit(SIGTERM);
    };
}

fn exit(signal: i32) {
    Signal::from_raw(signal).exit()
}
