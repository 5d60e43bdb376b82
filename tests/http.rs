//! The HTTP server and the layers, with real sockets and real signals.
#![cfg(unix)]
#![allow(unsafe_code, reason = "setrlimit(2)")]

mod common;
#[path = "http/connections.rs"]
mod connections;
#[path = "http/hostile.rs"]
mod hostile;
#[path = "http/http2.rs"]
mod http2;
#[path = "http/layers.rs"]
mod layers;
#[path = "http/limits.rs"]
mod limits;
#[path = "http/process.rs"]
mod process;
#[path = "http/server.rs"]
mod server;
#[path = "http/stop.rs"]
mod stop;

use common::until;
