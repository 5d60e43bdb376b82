//! Functions in AWS's own Runtime Interface Emulator.
#![allow(unsafe_code, reason = "kill(2), dup2(2)")]

mod emulator;

use std::path::PathBuf;
use std::{env, fs, process};

use emulator::function::{CASE, RUN};
use emulator::matrix::{CASES, Case, Cell, End, Hooks, OURS};
use emulator::proof::{PROOF, Proof};
use emulator::{Helper, Mode, REPORTED, Setup, skipped};

/// Printed by the classic emulator when the function requests its next event.
const DONE: &str = "INVOKE RTDONE";

/// In every mode, all hooks run and the process exits before the emulator kills it.
#[track_caller]
fn holds(name: &str) {
    let mut cases = CASES.iter().chain(OURS);
    let case = cases.find(|case| case.name == name).expect("it is in the matrix");
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
    timeout_while_a_response_streams: "timeout, a response streams";
    mid_invocation_while_a_response_streams: "mid-invocation, a response streams";
    run_concurrent: "`run_concurrent`";
    connection_is_renewed: "connection is renewed";
    a_web_server_behind_an_adapter: "a web server behind an adapter";
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
    emulator.log.wait_for(1, REPORTED);
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

/// An example, and a folder for its files, which is removed when dropped.
struct Example {
    setup: Setup,
    folder: PathBuf,
}

impl Example {
    /// Returns `None`, and prints why, if the example is not built.
    fn new(name: &str) -> Option<Self> {
        let test = env::current_exe().expect("the test binary");
        let program = test.ancestors().nth(2).expect("a target folder").join("examples").join(name);
        if !program.exists() {
            skipped("the example is not built; `cargo test --all-features` builds it");
            return None;
        }
        let folder = env::temp_dir().join(format!("signoff-{name}-{}", process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let mut setup = Setup::new(Mode::Classic, "");
        setup.program = Some(program);
        setup.env = vec![("TMPDIR", folder.display().to_string())];
        Some(Self { setup, folder })
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.folder.join(file)).unwrap_or_default()
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder); // ours
    }
}

/// The example does what its first lines say.
#[test]
fn the_example_closes_its_store() {
    let Some(example) = Example::new("lambda") else { return };
    if let Some(emulator) = example.setup.start() {
        assert_eq!(emulator.invoke("\"Ada\""), r#"{"visitors":1}"#);
        emulator.log.wait_for(1, REPORTED);
        emulator.log.wait_for(1, DONE);
        assert_eq!(emulator.invoke("\"Grace\""), r#"{"visitors":2}"#);
        let log = emulator.shut_down();
        assert!(log.has("2 of 2 hooks done in "), "{log}");
        assert_eq!(example.read("signoff-visitors.txt"), "Ada\nGrace\n");
    }
}

/// The layer flushes the metrics of an invocation without a signal, and the hook those of one that
/// timed out.
#[test]
fn the_example_flushes_its_metrics() {
    const METRICS: &str = "signoff-metrics.txt";
    let Some(mut example) = Example::new("lambda_flush") else { return };
    example.setup.timeout = 1;
    let Some(emulator) = example.setup.start() else { return };
    assert_eq!(emulator.invoke("5"), "\"done\"");
    emulator.log.wait_for(1, DONE);
    assert_eq!(example.read(METRICS), "5 ms of work\n", "{}", emulator.log);
    emulator.log.wait_for(1, REPORTED);

    assert!(emulator.invoke("50000").contains("timed out"), "{}", emulator.log);
    emulator.log.wait_for(1, "1 of 2 hooks done in ");
    assert_eq!(example.read(METRICS), "5 ms of work\n50000 ms of work\n", "{}", emulator.log);
    emulator.shut_down();
}

/// The page shows `main` of the example that was run.
#[test]
fn the_page_shows_the_example() {
    let page = include_str!("../features/lambda.md");
    let (_, section) = page.split_once("# Flush after each invocation").expect("a section");
    let code = section.split("```").nth(1).expect("code");
    let example = include_str!("../examples/lambda_flush.rs");
    let main =
        code.find("#[tokio::main").expect("main")..code.find("async fn flush").expect("its end");
    assert!(example.contains(code[main].trim()));
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
