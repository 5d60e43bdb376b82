//! `cargo run --release --manifest-path benches/Cargo.toml [-- PART …]` prints the tables.
//!
//! README.md beside this package says how each figure is taken.
#![allow(unsafe_code, reason = "signals, clocks and processors are asked for through libc")]

mod cold_start;
mod exit;
mod fan_out;
mod first_signal;
mod hook_set;
mod in_flight;
mod instructions;
mod machine;
mod memory;
mod operations;
mod requests;
mod rolling;
mod set_up;
mod stats;
mod stream;
mod waiters;
mod weight;

type Part = (&'static str, fn());

const PARTS: &[Part] = &[
    ("cold-start", cold_start::print),
    ("first-signal", first_signal::print),
    ("fan-out", fan_out::print),
    ("memory", memory::print),
    ("hook-set", hook_set::print),
    ("in-flight", in_flight::print),
    ("operations", operations::print),
    ("instructions", instructions::print),
    ("set-up", set_up::print),
    ("stream", stream::print),
    ("exit", exit::print),
    ("requests", requests::print),
    ("weight", weight::print),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["child", "first-signal", contender] => return first_signal::child(contender),
        ["child", "exit", contender] => return exit::child(contender),
        ["child", "set-up", contender] => return set_up::child(contender),
        ["child", "requests", contender] => return requests::child(contender),
        ["child", "rolling", contender, port] => return rolling::child(contender, port),
        ["rolling", ref arguments @ ..] => return rolling::print(arguments),
        ["child", "operation", contender, operation, calls] => {
            return operations::child(contender, operation, calls);
        }
        ["child", "fan-out", contender, runtime, tasks] => {
            return fan_out::child(contender, runtime, tasks);
        }
        _ => {}
    }
    let unknown = arguments.iter().find(|name| PARTS.iter().all(|(part, _)| part != *name));
    if let Some(unknown) = unknown {
        let names: Vec<&str> = PARTS.iter().map(|(name, _)| *name).collect();
        eprintln!("there is no part {unknown:?}: choose from {}", names.join(", "));
        std::process::exit(2);
    }
    println!("{}\n", machine::describe());
    for (name, print) in PARTS {
        if arguments.is_empty() || arguments.contains(name) {
            print();
        }
    }
}
