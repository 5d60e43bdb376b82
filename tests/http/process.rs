//! A program with real signals: the linger, the report and the exit status.

use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::time::Instant;

use axum::body::Body;
use axum::routing::get;
use libc::{SIGINT, SIGKILL, SIGTERM};
use signoff::http::Server;
use signoff::{Hooks, ShutdownSignal, Signals, Tokio};
use tokio::net::TcpListener;
use tokio::runtime::Builder;

use crate::common::{Case, Child, cases, say, say_outcomes, variant};
use crate::server::{Client, SECOND, Stream, app};

/// Starts the program and returns a client that has asked once.
fn starts(case: &Case) -> (Child, SocketAddr, Client) {
    let child = case.start();
    let address = child.line().parse().expect("an address");
    let mut client = Client::connect(address);
    assert_eq!(client.get("/").text(), "hello");
    (child, address, client)
}

async fn blocks() -> &'static str {
    say("blocks");
    crate::common::block()
}

/// The program of these cases.
fn serves(
    hooks: Hooks,
    change: impl FnOnce(Server<TcpListener, axum::Router>) -> Server<TcpListener, axum::Router>,
) {
    serves_until(Signals::default(), hooks, change);
}

fn serves_until(
    signals: Signals,
    hooks: Hooks,
    change: impl FnOnce(Server<TcpListener, axum::Router>) -> Server<TcpListener, axum::Router>,
) {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let shutdown = signals.listen(Tokio).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        say(listener.local_addr().unwrap());
        let stream = Stream(shutdown.clone());
        let app = app(ShutdownSignal::manual())
            .route("/block", get(blocks))
            .route("/events", get(async move || Body::new(stream)))
            .route_service("/ready", shutdown.readiness());
        let server = change(Server::new(listener, app));
        let hooks = hooks.hook("database", async || {}).exit_on(shutdown);
        let hooks = hooks.quiet().on_report(|report| say_outcomes(&report));
        let ended = match variant().unwrap().as_str() {
            IN_RUN_WITH => hooks.run_with(|drain| server.serve(drain)).await,
            _ => hooks.serve(server).await,
        };
        panic!("the process exits before: {ended:?}");
    });
}

/// The variant that serves on the signal of `run_with`.
const IN_RUN_WITH: &str = "SIGINT in run_with";

cases! {
    half_a_head_is_no_failure: |case| {
        let (child, address, _idle) = starts(case);
        let mut half = Client::connect(address);
        half.send("GET / HTTP/1.1\r\nho");
        Client::connect(address).get("/"); // by now the server has read it
        let start = Instant::now();
        child.kill(SIGTERM);
        child.expect("main: done");
        child.expect("database: done");
        half.is_closed();
        child.exits_with(0);
        assert!(start.elapsed() < 30 * SECOND);
    }, || serves(Hooks::new().budget(120 * SECOND), |server| server);

    a_stream_that_never_ends_is_named: |case| {
        let (child, _, mut client) = starts(case);
        client.ask("/stream").head();
        child.kill(SIGTERM);
        let line = child.line();
        assert!(line.starts_with("main: failed: 1 request was cut: GET /stream ("), "{line}");
        child.expect("database: done");
        child.exits_with(1);
    }, || serves(Hooks::new().budget(3 * SECOND), |server| server);

    // It cannot be cut, so `main` is abandoned.
    a_handler_that_blocks_the_runtime_is_named: |case| {
        let (child, _, mut client) = starts(case);
        client.ask("/block");
        child.expect("blocks");
        child.kill(SIGTERM);
        child.expect("main: abandoned");
        child.expect("database: done");
        child.exits_with(1);
    }, || serves(Hooks::new().budget(3 * SECOND), |server| server);

    sigterm_waits_for_clients: |case| {
        let (child, address, mut idle) = starts(case);
        child.kill(SIGTERM);
        crate::until("it refuses", || std::net::TcpStream::connect(address).is_err());
        let last = idle.get("/");
        assert!(last.closes(), "{}", last.head);
        child.expect("main: done");
        child.expect("database: done");
        child.exits_with(0);
    }, || serves(Hooks::new().budget(600 * SECOND), |server| server.linger(SECOND));

    // No balancer and no supervisor has sent these.
    ctrl_c_and_lifelines_do_not_wait_for_clients: |case| {
        for reason in ["SIGINT", IN_RUN_WITH, "stdin", "parent"] {
            let (input, other_end) = UnixStream::pair().unwrap();
            let mut case = case.variant(reason).reading(input.into());
            if reason == "parent" {
                case = case.under(&["sh", "-c", r#""$@"; exit $?"#, "sh"]);
            }
            let (child, address, mut idle) = starts(&case);
            let mut events = Client::connect(address);
            events.ask("/events").head();
            drop(case); // has the input, too
            match reason {
                "stdin" => drop(other_end),
                "parent" => child.kill(SIGKILL), // the shell
                _ => child.kill(SIGINT),
            }
            idle.is_closed();
            assert_eq!(events.head(), "0\r\n\r\n"); // the last chunk
            events.is_closed();
            child.expect("main: done");
            child.expect("database: done");
            if reason == "parent" {
                child.ends_without_a_line(); // nobody has its status
            } else {
                child.exits_with(0);
            }
        }
    }, || {
        let signals = match variant().unwrap().as_str() {
            "stdin" => Signals::none().or_stdin_closed(),
            "parent" => Signals::none().or_parent_exit(),
            _ => Signals::default(),
        };
        // A quarter of the share, 75 s, is longer than any wait above.
        let (hooks, linger) = (Hooks::new().budget(600 * SECOND), 100 * SECOND);
        serves_until(signals, hooks, |server| server.linger(linger).drain(600 * SECOND));
    };

    the_linger_is_a_quarter_of_the_share_at_most: |case| {
        let (child, _, _idle) = starts(case);
        let start = Instant::now();
        child.kill(SIGTERM);
        child.expect("main: done");
        // The share is 15 s.
        assert!(start.elapsed() < 10 * SECOND, "{:?}", start.elapsed());
        child.expect("database: done");
        child.exits_with(0);
    }, || serves(Hooks::new().budget(30 * SECOND), |server| server.linger(100 * SECOND));

    // Readiness fails at once, and the server serves on.
    keep_serving_comes_before_the_linger: |case| {
        let (child, address, _idle) = starts(case);
        child.kill(SIGTERM);
        crate::until("it is not ready", || {
            let response = Client::connect(address).get("/ready");
            assert!(!response.closes());
            response.status() == "503"
        });
        for outcome in ["keep serving: done", "main: done", "database: done"] {
            child.expect(outcome);
        }
        child.exits_with(0);
    }, || serves(Hooks::new().keep_serving(5 * SECOND).budget(60 * SECOND), |server| server);
}
