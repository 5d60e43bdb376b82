//! Every example, run as its first lines say, and ended by a real signal.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};
use std::{env, thread};

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn tokio() {
    finishes_the_answer("tokio");
}

#[test]
fn smol() {
    finishes_the_answer("smol");
}

#[test]
fn axum() {
    finishes_the_answer("axum");
}

#[test]
fn async_std() {
    let example = Example::start("async_std");
    let listening = example.line("listening: nc ");
    let [ip, port] = words(&listening, 2);
    let client = connect(&format!("{ip}:{}", port.trim_end_matches(',')));
    example.line("client 127.0.0.1:");

    let mut lines = BufReader::new(client.try_clone().expect("a second handle")).lines();
    (&client).write_all(b"good morning\n").expect("the server reads");
    assert_eq!(lines.next().expect("an echo").expect("the echo"), "good morning");

    let sender = example.signal("INT");
    assert_reason(&example.line("stopping: "), "stopping: ", "SIGINT", sender);
    assert_eq!(lines.next().expect("a goodbye").expect("the goodbye"), "goodbye");
    assert!(lines.next().is_none(), "the server closes the connection");
    assert_eq!(example.end(), ["stopped: every client was told"]);
}

#[test]
fn blocking() {
    let example = Example::start("blocking");
    example.line("working: press Ctrl-C");
    let first = example.line("round 1: ");
    let sender = example.signal("TERM");
    let mut lines = example.end();
    let last = lines.pop().expect("a last line");
    assert_reason(&last, "stopped: ", "SIGTERM", sender);

    let pieces = |line: &String| words::<1>(line, 2)[0].parse::<u32>().expect("a number");
    let total: u32 = lines.iter().chain([&first]).map(pieces).sum();
    assert!(last.ends_with(&format!(", {total} pieces are done")), "{last} after {lines:?}");
}

#[test]
fn worker_pool() {
    let example = Example::start("worker_pool");
    example.line("working: press Ctrl-C");
    example.line("worker ");
    let sender = example.signal("INT");
    let mut lines = example.end();
    let last = lines.pop().expect("a last line");
    assert_reason(&last, "stopped: ", "SIGINT", sender);

    let done = 1 + lines.len();
    assert!(last.contains(&format!(", {done} jobs are done, ")), "{last} after {lines:?}");
}

#[test]
fn service() {
    let example = Example::start_with_errors("service");
    let listening = example.line("process ");
    let [url] = words(&listening, 3);
    let address = url.trim_start_matches("http://");
    assert!(get(address, "/ready").starts_with("HTTP/1.1 200 OK\r\n"));

    let sender = example.signal("TERM");
    let is_ready = || get(address, "/ready").starts_with("HTTP/1.1 200 OK\r\n");
    while is_ready() {} // two seconds are left from here on
    assert!(get(address, "/ready").starts_with("HTTP/1.1 503 "));
    assert!(get(address, "/").ends_with("\r\n\r\ndone\n"));
    let lines = example.end();
    assert!(lines[0].starts_with("6 of 6 hooks done in "), "{lines:?}");
    assert!(lines[0].contains(&format!("asked by SIGTERM from pid {sender} ")), "{lines:?}");
    assert_eq!(lines.len(), 7, "{lines:?}");
}

#[test]
fn tracing() {
    let example = Example::start_with_errors("tracing");
    example.line("press Ctrl-C");
    example.signal("INT");
    let lines = example.end_with(1);
    let told = [
        "shutdown begins ",
        "writing 3 entries",
        "hook ended hook=\"cache\" outcome=\"done\"",
        "hook given up hook=\"requests\" outcome=\"timed out\"",
        "hook ended hook=\"database\" outcome=\"failed\"",
        "shutdown ends clean=false",
    ];
    assert_eq!(lines.len(), told.len(), "{lines:?}");
    let differ = lines.iter().zip(told).find(|(line, told)| !line.contains(told));
    assert_eq!(differ, None, "{lines:?}");
}

/// An HTTP server that is asked, and then told to stop while it works on the answer.
fn finishes_the_answer(name: &str) {
    let example = Example::start(name);
    let listening = example.line("listening: curl http://");
    let [url] = words(&listening, 2);
    let address = url.trim_start_matches("http://").trim_end_matches(',');
    let mut client = connect(address);
    client
        .write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        .expect("sent");
    example.line("request");

    let sender = example.signal("TERM");
    assert_reason(&example.line("stopping: "), "stopping: ", "SIGTERM", sender);
    let mut answer = String::new();
    client.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nhello\n"), "{answer}");
    assert_eq!(example.end(), ["stopped: every answer was sent"]);
}

/// The answer of a server, with its head.
fn get(address: &str, path: &str) -> String {
    let mut client = connect(address);
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    client.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    client.read_to_string(&mut answer).expect("an answer");
    answer
}

fn connect(address: &str) -> TcpStream {
    let client = TcpStream::connect(address).expect("the server listens");
    client.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    client
}

/// The words of a line, without the first few.
fn words<const N: usize>(line: &str, skip: usize) -> [&str; N] {
    let words: Vec<_> = line.split_whitespace().skip(skip).take(N).collect();
    words.try_into().unwrap_or_else(|_| panic!("too few words: {line}"))
}

/// The line names the signal and, where the system tells, the process that sent it.
fn assert_reason(line: &str, before: &str, signal: &str, sender: u32) {
    let known = cfg!(any(target_os = "linux", target_os = "android"));
    let from = if known { format!(" from pid {sender} (uid ") } else { String::new() };
    assert!(line.starts_with(&format!("{before}{signal}{from}")), "{line}, not {signal}{from}");
}

fn path(name: &str) -> PathBuf {
    let path = env::current_exe().expect("the path of this test");
    path.ancestors().nth(2).expect("a target folder").join("examples").join(name)
}

/// A running example. It does not outlive the test.
struct Example {
    child: Child,
    lines: Receiver<String>,
}

impl Example {
    fn start(name: &str) -> Self {
        Self::run(&mut Command::new(path(name)), name)
    }

    /// Its standard error is read as well.
    fn start_with_errors(name: &str) -> Self {
        Self::run(Command::new("sh").args(["-c", "exec \"$0\" 2>&1"]).arg(path(name)), name)
    }

    fn run(command: &mut Command, name: &str) -> Self {
        let hint = "first run `cargo build --all-features --examples`";
        assert!(path(name).is_file(), "{name}: {hint}");
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect(name);
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            stdout.lines().map_while(Result::ok).try_for_each(|l| sender.send(l))
        });
        Self { child, lines }
    }

    /// The next line, which has to begin like this.
    fn line(&self, start: &str) -> String {
        let line = self.lines.recv_timeout(PATIENCE).expect("another line");
        assert!(line.starts_with(start), "{line:?} instead of {start:?}");
        line
    }

    /// Sends a signal; returns the process that sent it.
    fn signal(&self, name: &str) -> u32 {
        let kill = format!("kill -{name} {}", self.child.id());
        let mut shell = Command::new("sh").args(["-c", &kill]).spawn().expect("a shell");
        assert!(shell.wait().expect("its status").success(), "{kill}");
        shell.id()
    }

    /// Waits for the end, which has to be a success; returns the lines until then.
    fn end(self) -> Vec<String> {
        self.end_with(0)
    }

    /// The same with another exit status.
    fn end_with(mut self, code: i32) -> Vec<String> {
        let status = self.status();
        assert_eq!(status.code(), Some(code), "{status}");
        self.lines.iter().collect()
    }

    fn status(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("its status") {
                return status;
            }
            assert!(start.elapsed() < PATIENCE, "still runs");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
