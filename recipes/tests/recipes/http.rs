//! HTTP servers: each request that a server has counted got its response.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{self, Command};
use std::{env, fs};

use crate::load::Load;
use crate::recipe::{BOUND, Ended, Recipe};

#[test]
fn axum_sqlx() {
    let file = env::temp_dir().join(format!("signoff-recipe-{}.db", process::id()));
    let file = file.to_str().expect("a path");
    let visits = visits(env!("CARGO_BIN_EXE_axum_sqlx"), &[file]);
    assert!(fs::metadata(file).is_ok_and(|file| file.len() > 0));
    for suffix in ["-wal", "-shm"] {
        assert!(fs::metadata(format!("{file}{suffix}")).is_err(), "the database is not closed");
    }
    fs::remove_file(file).expect("it was there");
    assert!(visits > 0);
}

#[test]
fn hyper() {
    visits(env!("CARGO_BIN_EXE_hyper"), &[]);
}

/// A head that has begun is no request.
#[test]
fn hyper_with_a_client_that_stalls() {
    let recipe = Recipe::start(env!("CARGO_BIN_EXE_hyper"), &[]);
    let address = recipe.wait_for("listening: curl http://");
    let mut client = TcpStream::connect(&address).expect("it listens");
    client.write_all(b"GET / HTTP/1.1\r\nho").expect("sent");
    let load = Load::start(&address);
    load.wait_for_responses(); // by now the server has read the part of the head
    recipe.signal("TERM");
    recipe.end().assert_clean();
    load.end();
}

#[test]
fn http_and_grpc() {
    visits(env!("CARGO_BIN_EXE_http_and_grpc"), &[]);
}

#[test]
fn socket_activation() {
    visits(env!("CARGO_BIN_EXE_socket_activation"), &[]);
}

/// The socket is open before, between and after the processes.
#[test]
fn socket_activation_refuses_no_connection() {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a socket");
    let address = socket.local_addr().expect("an address");
    for _ in 0..2 {
        let mut client = TcpStream::connect(address).expect("not refused");
        client.set_read_timeout(Some(BOUND)).expect("a client");
        client.write_all(b"GET / HTTP/1.0\r\n\r\n").expect("sent");
        let recipe = activate(&socket);
        let mut response = String::new();
        client.read_to_string(&mut response).expect("a response");
        assert!(response.ends_with("\r\n\r\nvisitor 1\n"), "{response}");
        recipe.signal("TERM");
        let ended = recipe.end();
        ended.assert_clean();
        assert_eq!(ended.number_of("visits are stored"), 1);
    }
}

/// As systemd does it: the socket is descriptor 3, and the environment says for which process.
fn activate(socket: &TcpListener) -> Recipe {
    const SYSTEMD: &str = r#"export LISTEN_FDS=1 LISTEN_PID=$$; exec "$0" 3<&0 </dev/null"#;
    let mut command = Command::new("sh");
    command.args(["-c", SYSTEMD, env!("CARGO_BIN_EXE_socket_activation")]);
    Recipe::run_with(&mut command, OwnedFd::from(socket.try_clone().expect("a descriptor")))
}

#[test]
fn actix_web() {
    visits(env!("CARGO_BIN_EXE_actix_web"), &[]);
}

#[test]
fn warp() {
    visits(env!("CARGO_BIN_EXE_warp"), &[]);
}

#[test]
fn tiny_http() {
    visits(env!("CARGO_BIN_EXE_tiny_http"), &[]);
}

#[test]
fn opentelemetry() {
    let (responses, ended) = under_load(env!("CARGO_BIN_EXE_opentelemetry"), &[]);
    let spans = |name: &str| ended.lines.iter().filter(|line| line.contains(name)).count();
    assert_eq!(spans("GET /"), responses.len(), "each request has its span: {ended:#?}");
    assert_eq!(spans("close the database"), 1);
}

/// Runs a server that counts its visits and returns how many there were.
#[track_caller]
fn visits(path: &str, arguments: &[&str]) -> usize {
    let (responses, ended) = under_load(path, arguments);
    let visits = ended.number_of("visits are stored");
    assert_eq!(visits, responses.len(), "a request was dropped: {ended:#?}");
    let visitors: BTreeSet<_> = responses.into_iter().collect();
    assert_eq!(visits, visitors.len(), "two visitors have the same number");
    visits
}

/// Sends SIGTERM to a server that is working on requests; returns all responses.
#[track_caller]
fn under_load(path: &str, arguments: &[&str]) -> (Vec<String>, Ended) {
    let recipe = Recipe::start(path, arguments);
    let address = recipe.wait_for("listening: curl http://");
    let load = Load::start(&address);
    let mut responses = load.wait_for_responses();
    recipe.signal("TERM");
    let ended = recipe.end();
    let late = load.end();
    assert!(!late.is_empty(), "requests were running at the signal");
    responses.extend(late);
    ended.assert_clean();
    (responses, ended)
}
