//! Functions in AWS's own Runtime Interface Emulator.
#![allow(unsafe_code, reason = "kill(2), dup2(2)")]

mod emulator;

use std::{env, fs, process};

use emulator::function::{CASE, PROOF, Proof, RUN};
use emulator::matrix::{CASES, Case, Cell, End, Hooks};
use emulator::{Helper, Mode, Setup, skipped};

/// In every mode, all hooks run and the process exits before the emulator kills it.
#[track_caller]
fn holds(name: &str) {
    let case = CASES.iter().find(|case| case.name == name).expect("it is in the matrix");
    for &mode in case.modes {
        let Some((cell, log)) = case.run(mode, Helper::Ours) else { continue };
        let expected = Cell { hooks: Hooks::Ran, end: End::ByItself };
        assert_eq!(cell, expected, "{name}, {mode:?}:\n{log}");
    }
}

macro_rules! hold {
    ($($test:ident: $name:literal;)*) => { $(
        #[test]
        fn $test() {
            holds($name);
        }
    )* };
}

hold! {
    idle: "idle";
    mid_invocation: "mid-invocation";
    timeout_of_a_handler_that_waits: "timeout, handler waits";
    timeout_of_a_handler_that_blocks: "timeout, handler blocks the only thread";
    sigterm_during_init: "SIGTERM during init";
    a_hook_never_returns: "a hook never returns";
    a_hook_blocks_its_thread: "a hook blocks its thread";
    a_hook_fails: "a hook fails";
    a_hook_panics: "a hook panics";
    two_handlers: "two handlers";
    another_internal_extension: "another internal extension";
    an_external_extension: "an external extension";
    external_extension_only: "external extension only";
    stderr_is_closed: "stderr is closed";
    extension_name_is_taken: "extension name is taken";
    runtime_is_dropped: "runtime is dropped";
}

#[test]
fn a_report_distinguishes_a_timeout_from_an_idle_shutdown() {
    let proof = Proof::new();
    let mut setup = Setup::new(Mode::Classic, "emulator::function::serves");
    setup.timeout = 1;
    setup.env = vec![(CASE, RUN.to_owned()), (PROOF, proof.path())];
    let Some(emulator) = setup.start() else { return };
    assert!(emulator.invoke("\"sleep\"").contains("timed out"), "{}", emulator.log);
    let line = emulator.log.wait_for(1, "@invocation ");
    emulator.log.wait_for(1, "   database ");
    for line in sample() {
        let pattern = pattern(line);
        let found = emulator.log.any(|line| self::pattern(line) == pattern);
        assert!(found, "the page shows {line:?}:\n{}", emulator.log);
    }
    assert!(line.starts_with("@invocation timed out: [\"invocation "), "{line}");
    assert!(emulator.invoke("{}").parse::<u32>().is_ok(), "{}", emulator.log);
    let log = emulator.shut_down();
    assert!(log.has("@invocation done: []"), "{log}");
    assert_eq!(proof.hooks(), ["hook", "hook"], "{log}");
}

/// The lines of the report in the documentation.
fn sample() -> impl Iterator<Item = &'static str> {
    let page = include_str!("../features/lambda.md");
    let (_, sample) = page.split_once("standard error shows:\n\n```text\n").expect("a sample");
    sample.split("```").next().expect("the sample").lines()
}

/// Replaces what differs from run to run: bars, numbers, units and identifiers.
fn pattern(line: &str) -> String {
    let words = line.split_whitespace().filter_map(|word| {
        let bare = word.trim_matches(['(', ')']);
        match bare {
            "ms" | "s" => Some("time"),
            _ if bare.chars().all(|c| "|=.".contains(c)) => None,
            _ if bare.parse::<f64>().is_ok() => Some("number"),
            _ if bare.len() == 36 && bare.matches('-').count() == 4 => Some("identifier"),
            _ => Some(bare),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// The example does what its first lines say.
#[test]
fn the_example_closes_its_store() {
    let test = env::current_exe().expect("the test binary");
    let example = test.ancestors().nth(2).expect("a target folder").join("examples/lambda");
    if !example.exists() {
        skipped("the example is not built; `cargo test --all-features` builds it");
        return;
    }
    let folder = env::temp_dir().join(format!("signoff-example-{}", process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let mut setup = Setup::new(Mode::Classic, "");
    setup.program = Some(example);
    setup.env = vec![("TMPDIR", folder.display().to_string())];
    if let Some(emulator) = setup.start() {
        assert_eq!(emulator.invoke("\"Ada\""), r#"{"visitors":1}"#);
        // A second invocation crashes the emulator before it has finished the first.
        for line in ["REPORT RequestId", "INVOKE RTDONE"] {
            emulator.log.wait_for(1, line);
        }
        assert_eq!(emulator.invoke("\"Grace\""), r#"{"visitors":2}"#);
        let log = emulator.shut_down();
        assert!(log.has("2 of 2 hooks done in "), "{log}");
        let visitors = fs::read_to_string(folder.join("signoff-visitors.txt")).expect("a store");
        assert_eq!(visitors, "Ada\nGrace\n");
    }
    fs::remove_dir_all(&folder).expect("ours");
}

/// `cargo test --features lambda --test lambda_emulator -- --ignored --nocapture side_by_side`
/// prints the table of `features/lambda.md`.
#[test]
#[ignore = "prints a table"]
fn side_by_side() {
    println!("| | signoff | `spawn_graceful_shutdown_handler` |\n|---|---|---|");
    for case in CASES {
        let [ours, aws] = [Helper::Ours, Helper::Aws].map(|helper| row(case, helper));
        println!("| {} | {ours} | {aws} |", case.name);
    }
}

/// Returns the results in each mode, or one result if they are the same.
fn row(case: &Case, helper: Helper) -> String {
    let cells = case.modes.iter().filter_map(|&mode| Some((mode, case.run(mode, helper)?.0)));
    let cells: Vec<_> = cells.collect();
    match &cells[..] {
        [] => "not tried".to_owned(),
        [(_, first), others @ ..] if others.iter().all(|(_, cell)| cell == first) => {
            first.to_string()
        }
        _ => {
            let cells = cells.iter().map(|(mode, cell)| format!("{mode:?}: {cell}"));
            cells.collect::<Vec<_>>().join("; ")
        }
    }
}
