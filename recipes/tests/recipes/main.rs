//! Every recipe under load, ended by a real signal: nothing that was accepted is dropped, and the
//! process exits with the right status and report.
#![cfg(unix)]

mod load;
mod recipe;
#[path = "../../../tests/common/skipped.rs"]
mod skipped;

mod command_line;
mod grpc;
mod http;
mod lambda_http;
mod long_connections;
mod mcp_server;
mod queues;
mod supervisor;
mod terminal;
