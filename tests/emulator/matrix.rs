//! The cases: how Lambda shuts a function down, and what can go wrong in it.

use std::fmt;

use super::extension::PORT;
use super::function::{CASE, HELPER};
use super::proof::{PROOF, Proof};
use super::{Emulator, Log, Mode, REPORTED, Setup};

/// The code that runs the hooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Helper {
    Ours,
    Aws,
}

impl Helper {
    pub(super) fn of_this_process() -> Self {
        match &*std::env::var(HELPER).expect("set") {
            "Ours" => Self::Ours,
            _ => Self::Aws,
        }
    }

    pub(super) fn extension_name(self) -> &'static str {
        match self {
            Self::Ours => "signoff",
            Self::Aws => "_lambda-rust-runtime-no-op-graceful-shutdown-helper",
        }
    }
}

/// A row of the matrix.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) modes: &'static [Mode],
    timeout: u32,
    /// The ignored test that is an external extension.
    extension: Option<&'static str>,
    /// Brings the function into the state in which Lambda shuts it down.
    drive: fn(&Emulator),
    hooks: &'static [&'static str],
}

pub(crate) const BOTH: &[Mode] = &[Mode::Classic, Mode::ManagedInstances];
const CLASSIC: &[Mode] = &[Mode::Classic];
const MANAGED_INSTANCES: &[Mode] = &[Mode::ManagedInstances];

const EXTERNAL: Option<&str> = Some("emulator::extension::extends");

const IDLE: Case = Case {
    name: "idle",
    modes: BOTH,
    timeout: 60,
    extension: None,
    drive: serve_one,
    hooks: &["hook"],
};

/// Managed Instances do not end a function at its timeout.
const TIMEOUT: Case = Case {
    modes: CLASSIC,
    timeout: 1,
    // One in each process: the one that timed out, and the next one.
    hooks: &["hook", "hook"],
    ..IDLE
};

pub(crate) const CASES: &[Case] = &[
    IDLE,
    Case { name: "mid-invocation", drive: begin_one, ..IDLE },
    Case {
        name: "timeout, handler waits",
        drive: |emulator| time_out(emulator, "\"sleep\""),
        ..TIMEOUT
    },
    Case {
        name: "timeout, handler blocks the only thread",
        drive: |emulator| time_out(emulator, "\"block\""),
        ..TIMEOUT
    },
    Case {
        name: "timeout, a response streams",
        drive: |emulator| time_out(emulator, "\"stream\""),
        ..TIMEOUT
    },
    // As Managed Instances, the emulator waits for the end of the response, and sends no SIGTERM.
    Case {
        name: "mid-invocation, a response streams",
        modes: CLASSIC,
        drive: begin_to_stream,
        ..IDLE
    },
    Case { name: "`run_concurrent`", modes: MANAGED_INSTANCES, drive: begin_two, ..IDLE },
    Case { name: "SIGTERM during init", drive: begin_init, ..IDLE },
    Case { name: "a hook never returns", ..IDLE },
    Case { name: "a hook blocks its thread", ..IDLE },
    Case { name: "a hook fails", ..IDLE },
    Case { name: "a hook panics", ..IDLE },
    Case { name: "two handlers", hooks: &["hook", "other hook"], ..IDLE },
    Case { name: "another internal extension", ..IDLE },
    Case { name: "an external extension", extension: EXTERNAL, ..IDLE },
    Case { name: "external extension only", extension: EXTERNAL, ..IDLE },
    Case { name: "stderr is closed", ..IDLE },
    Case { name: "extension name is taken", ..IDLE },
    Case { name: "runtime is dropped", timeout: 5, ..IDLE },
];

/// Cases for which AWS's helper has no counterpart.
pub(crate) const OURS: &[Case] = &[
    Case { name: "connection is renewed", ..IDLE },
    Case {
        name: "a web server behind an adapter",
        modes: CLASSIC,
        extension: Some("emulator::extension::adapts"),
        ..IDLE
    },
];

const FAILED: &str = "the invocation failed";

/// The function responds with its process id. A stream has a prelude before it, which ends with zeros.
fn is_served(answer: &str) -> bool {
    answer.rsplit('\0').next().is_some_and(|answer| answer.parse::<u32>().is_ok())
}

fn serve_one(emulator: &Emulator) {
    let answer = emulator.invoke("{}");
    if !is_served(&answer) {
        emulator.log.note(&format!("{FAILED}: {answer:?}"));
    }
}

fn begin_one(emulator: &Emulator) {
    emulator.begin_to_invoke("\"sleep\"");
    emulator.log.wait_for(1, "@handles");
}

fn begin_two(emulator: &Emulator) {
    for _ in 0..2 {
        emulator.begin_to_invoke("\"sleep\"");
    }
    emulator.log.wait_for(2, "@handles"); // at the same time
}

fn begin_to_stream(emulator: &Emulator) {
    emulator.begin_to_invoke("\"stream\"");
    emulator.log.wait_for(1, "@streams");
}

fn begin_init(emulator: &Emulator) {
    emulator.begin_to_invoke("{}");
    emulator.log.wait_for(1, "@init");
}

fn time_out(emulator: &Emulator, payload: &str) {
    let first = emulator.invoke(payload);
    emulator.log.wait_for(1, REPORTED);
    let second = emulator.invoke("{}");
    emulator.log.note(&format!("{first:?}, then {second:?}"));
    assert!(first.contains("timed out"), "{}", emulator.log);
    assert!(is_served(&second), "{}", emulator.log);
    emulator.log.wait_for(2, "@started"); // in a fresh process
}

/// An external extension without events is killed after the function, and nothing is wrong then.
fn is_kill(line: &str) -> bool {
    line.contains("Sending SIGKILL") && !line.contains("to extension-")
}

/// A cell of the matrix: how a function ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) hooks: Hooks,
    pub(crate) end: End,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Hooks {
    Ran,
    SomeRan,
    NoneRan,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    ByItself,
    /// By `SIGKILL`.
    Killed,
    /// Before it served an invocation.
    TooEarly,
}

impl Case {
    /// Returns `None`, and prints why, if the emulator cannot run.
    pub(crate) fn run(&self, mode: Mode, helper: Helper) -> Option<(Cell, std::sync::Arc<Log>)> {
        let proof = Proof::new();
        let mut setup = Setup::new(mode, "emulator::function::serves");
        setup.timeout = self.timeout;
        setup.extension = self.extension;
        setup.env = vec![
            (CASE, self.name.to_owned()),
            (HELPER, format!("{helper:?}")),
            (PROOF, proof.path()),
            (PORT, super::free_ports()[0].port().to_string()),
        ];
        let emulator = setup.start()?;
        (self.drive)(&emulator);
        let log = emulator.shut_down();
        let mut hooks = proof.hooks();
        hooks.sort();
        log.note(&format!("hooks that ran: {hooks:?}"));
        Some((self.cell(&hooks, &log), log))
    }

    fn cell(&self, hooks: &[String], log: &Log) -> Cell {
        let hooks = match hooks {
            [] => Hooks::NoneRan,
            hooks if hooks == self.hooks => Hooks::Ran,
            _ => Hooks::SomeRan,
        };
        let end = if log.has(FAILED) {
            End::TooEarly
        } else if log.has("Killing it") || log.any(is_kill) {
            End::Killed
        } else {
            End::ByItself
        };
        Cell { hooks, end }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (&self.hooks, &self.end) {
            (_, End::TooEarly) => "**the function does not start**",
            (Hooks::Ran, End::ByItself) => "hooks ran",
            (Hooks::Ran, End::Killed) => "hooks ran, then **killed**",
            (Hooks::SomeRan, End::ByItself) => "**some hooks did not run**",
            (Hooks::SomeRan, End::Killed) => "**killed**, some hooks did not run",
            (Hooks::NoneRan, End::ByItself) => "**no hook ran**",
            (Hooks::NoneRan, End::Killed) => "**killed**, no hook ran",
        })
    }
}
