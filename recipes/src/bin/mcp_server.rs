//! An MCP server on standard input and output, by hand: it lives as long as its client.

use std::io::{self, BufRead, Write};
use std::thread;
use std::time::Duration;
use std::{error::Error, fmt::Display};

use serde_json::{Value, json};
use signoff::{Blocking, Hooks, InFlight, Reason, Signals};

fn main() -> Result<(), Box<dyn Error>> {
    let signals = Signals::default().or_stdin_closed().or_parent_exit();
    let shutdown = signals.listen(Blocking)?;
    let calls = InFlight::new();

    let (end, started) = (shutdown.clone(), calls.clone());
    // A thread of its own, because a signal does not interrupt a read.
    let reader = thread::spawn(move || match read(&started) {
        Ok(()) => end.request("end of file"),
        Err(error) => end.fail(format!("standard input: {error}")),
    });

    Hooks::new()
        .blocking_with("log", |context| {
            let reason = context.reason().map(ToString::to_string).unwrap_or_default();
            // `eprintln!` would panic if the client is gone.
            let _ = writeln!(io::stderr(), "the last call is answered: {reason}");
        })
        .exit_on(shutdown.clone())
        .in_flight(&calls)
        .run_blocking(move || {
            if shutdown.wait() == Reason::StdinClosed {
                let _ = reader.join(); // it may be about to start the last call
            }
            calls.drained().wait();
        })?;
    Ok(())
}

/// Starts a call for each line, until the end of file.
fn read(calls: &InFlight) -> io::Result<()> {
    for line in io::stdin().lock().lines() {
        let line = line?;
        let call = calls.enter(name_of(&line));
        thread::spawn(move || {
            if let Some(answer) = answer(&line) {
                send(&answer);
            }
            drop(call); // in flight until it is answered
        });
    }
    Ok(())
}

fn name_of(line: &str) -> String {
    let request: Value = serde_json::from_str(line).unwrap_or_default();
    request["method"].as_str().unwrap_or("?").chars().take(80).collect()
}

/// `None` for a notification, which has no id.
fn answer(line: &str) -> Option<Value> {
    let request: Value = match serde_json::from_str(line) {
        Ok(request) => request,
        Err(error) => return Some(failure(&Value::Null, -32700, &error)),
    };
    let id = request.get("id")?;
    let result = match request["method"].as_str() {
        Some("initialize") => json!({
            "protocolVersion": "2025-06-18",
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "shout", "version": "1.0.0"},
        }),
        Some("ping") => json!({}),
        Some("tools/list") => json!({"tools": [{
            "name": "shout",
            "description": "Returns the text in capital letters",
            "inputSchema": {"type": "object", "properties": {"text": {"type": "string"}}},
        }]}),
        Some("tools/call") => shout(&request["params"]["arguments"]["text"]),
        _ => return Some(failure(id, -32601, &"there is no such method")),
    };
    Some(json!({"jsonrpc": "2.0", "id": id, "result": result}))
}

fn shout(text: &Value) -> Value {
    thread::sleep(Duration::from_millis(200)); // the work
    let text = text.as_str().unwrap_or_default().to_uppercase();
    json!({"content": [{"type": "text", "text": text}]})
}

fn failure(id: &Value, code: i32, message: &dyn Display) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message.to_string()}})
}

/// The client may be gone. `println!` would panic then.
fn send(answer: &Value) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{answer}").and_then(|()| out.flush());
}
