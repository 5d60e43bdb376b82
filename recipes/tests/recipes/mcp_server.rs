//! A client that comes, calls and goes.

use std::io::Write;
use std::process::{ChildStdin, Command};

use crate::recipe::{Ended, Recipe};

const SERVER: &str = env!("CARGO_BIN_EXE_mcp_server");

/// It closes its end in the middle of its calls, and has each answer even so.
#[test]
fn a_client_that_closes_its_end() {
    let (recipe, mut client) = Recipe::run_with_input(&mut Command::new(SERVER));
    begin(&recipe, &mut client);
    (1..=20).for_each(|id| call(&mut client, id));
    drop(client);
    let ended = recipe.end();
    assert_eq!(ended.status.code(), Some(0), "{ended:#?}");
    assert_eq!(ended.lines.len(), 20, "{ended:#?}");
    for id in 1..=20 {
        assert!(ended.lines.contains(&answer(id)), "{id}: {ended:#?}");
    }
    assert_reason(&ended, &["standard input was closed", "request: end of file"]);
}

#[test]
fn a_client_that_sends_a_signal() {
    let (recipe, mut client) = Recipe::run_with_input(&mut Command::new(SERVER));
    begin(&recipe, &mut client);
    recipe.signal("TERM");
    let ended = recipe.end();
    assert_eq!(ended.status.code(), Some(0), "{ended:#?}");
    assert_reason(&ended, &["SIGTERM"]);
    drop(client);
}

/// Another process still has the other end of standard input.
#[test]
fn a_client_that_is_killed() {
    let mut client = Command::new("sh");
    client.args(["-c", r#""$0"; exit $?"#, SERVER]);
    let (recipe, mut input) = Recipe::run_with_input(&mut client);
    begin(&recipe, &mut input);
    recipe.signal("KILL");
    let ended = recipe.end(); // when the server has closed its output
    assert_reason(&ended, &["the parent process has exited"]);
    drop(input);
}

fn begin(recipe: &Recipe, client: &mut ChildStdin) {
    writeln!(client, r#"{{"jsonrpc":"2.0","id":0,"method":"initialize","params":{{}}}}"#).unwrap();
    recipe.wait_for_part("protocolVersion");
    writeln!(client, r#"{{"jsonrpc":"2.0","method":"notifications/initialized"}}"#).unwrap();
}

fn call(client: &mut ChildStdin, id: usize) {
    let arguments = r#"{"name":"shout","arguments":{"text":"bye"}}"#;
    let call =
        format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{arguments}}}"#);
    writeln!(client, "{call}").unwrap();
}

fn answer(id: usize) -> String {
    let result = r#"{"content":[{"text":"BYE","type":"text"}]}"#;
    format!(r#"{{"id":{id},"jsonrpc":"2.0","result":{result}}}"#)
}

#[track_caller]
fn assert_reason(ended: &Ended, reasons: &[&str]) {
    let is_said = |line: &String| reasons.iter().any(|reason| line.contains(reason));
    assert!(ended.report.iter().any(is_said), "{ended:#?}");
}
