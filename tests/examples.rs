//! Every example, run as its first lines say, and ended by a real signal.
#![cfg(unix)]
#![allow(unsafe_code, reason = "what an example inherits")]

#[path = "examples/chat.rs"]
mod chat;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);
/// A signal after this is another press, never the same one.
const ANOTHER_PRESS: Duration = Duration::from_millis(260);

/// At the same time: they sleep more than they compute.
#[test]
fn servers_finish_the_answer() {
    thread::scope(|scope| [tokio, smol, axum, http].map(|example| drop(scope.spawn(example))));
}

fn tokio() {
    let (sender, told) = finishes_the_answer("tokio");
    assert_timeline(&told, sender, &["1 answers", "2 database"], None);
}

fn smol() {
    let (_, told) = finishes_the_answer("smol");
    assert!(told.is_empty(), "{told:?}");
}

fn axum() {
    let (example, client) = asked("axum");
    example.signal("TERM");
    assert_eq!(answer(client), ("200".into(), "hello\n".into()));
    assert_clean(&example.end_with(0).1);
}

fn http() {
    let (example, client) = asked("http");
    example.signal("TERM");
    assert_eq!(answer(client), ("200".into(), "hello, 127.0.0.1\n".into()));
    let (_, told) = example.end_with(0);
    assert!(told.iter().all(|line| line.starts_with("waiting for main (")), "{told:#?}");
}

/// The client of `tests/http.rs` speaks TLS. This one does not.
#[test]
fn tls() {
    let example = Example::start("tls");
    let listening = example.line("listening: curl -k https://");
    let [url] = words(&listening, 3);
    let address = url.trim_start_matches("https://").trim_end_matches(',');
    drop(ask(address, "/"));
    example.signal("TERM");
    assert!(example.end().is_empty());
}

#[test]
fn service() {
    let (example, address) = served();
    let start = Instant::now();
    example.signal("TERM");
    while get(&address, "/ready") != ("503".into(), "stopping\n".into()) {
        assert!(start.elapsed() < PATIENCE, "is still ready");
    }
    assert_eq!(get(&address, "/"), ("200".into(), "done\n".into())); // it keeps serving
    let (_, told) = example.end_with(0);
    assert!(start.elapsed() >= Duration::from_secs(2), "the delay was cut short");
    assert!(told[0].starts_with("waiting for keep serving ("), "{told:#?}");
    assert_clean(&told);
}

/// The rest of the head never comes.
#[test]
fn a_service_with_a_request_that_hangs() {
    let (example, address) = served();
    let mut stuck = connect(&address);
    stuck.write_all(b"GET / HTTP/1.1\r\nhost: ").expect("sent");
    assert_eq!(get(&address, "/").0, "200"); // it has been accepted before this one
    let sender = example.signal("TERM");
    let (_, mut told) = example.end_with(1);
    let report =
        told.split_off(told.iter().position(|line| line.starts_with('5')).expect("5 of 6"));
    assert!(told.iter().any(|line| line.starts_with("waiting for main (")), "{told:#?}");
    assert_clean(&told);
    let rows = ["1 keep serving", "2 main", "3 requests", "4 database", "spool", "5 telemetry"];
    assert_timeline(&report, sender, &rows, Some("2 main"));
}

/// A service that has served, and its address.
fn served() -> (Example, String) {
    let example = Example::start("service");
    let listening = example.line("process ");
    let [url] = words(&listening, 3);
    let address = url.trim_start_matches("http://").to_owned();
    assert_eq!(get(&address, "/ready"), ("200".into(), "ready\n".into()));
    assert_eq!(get(&address, "/"), ("200".into(), "done\n".into()));
    (example, address)
}

#[test]
fn reload() {
    let path = concat!(env!("CARGO_TARGET_TMPDIR"), "/greeting.txt");
    let write = |text: &str| fs::write(path, text).expect("a file");
    write("hello\n");
    let example = Example::start_with("reload", &[path]);
    let listening = example.line("listening: nc ");
    let [ip, port] = words(&listening, 2);
    let client = || {
        let client = connect(&format!("{ip}:{}", port.trim_end_matches(',')));
        let lines = BufReader::new(client.try_clone().expect("a second handle")).lines();
        (client, lines.map(|line| line.expect("a line")))
    };
    let ask = |client: &mut TcpStream| client.write_all(b"Ada\n").expect("sent");

    let (mut first, mut answers) = client();
    ask(&mut first);
    assert_eq!(answers.next().expect("an answer"), "hello, Ada");

    write("");
    example.signal("HUP");
    example.line("kept the old configuration: no greeting in ");
    ask(&mut first);
    assert_eq!(answers.next().expect("it keeps serving"), "hello, Ada");

    write("good evening\n");
    example.signal("HUP");
    example.line("reloaded: good evening");
    assert_eq!(answers.collect::<Vec<_>>(), ["goodbye: request: reloaded"]);
    let (mut second, mut answers) = client();
    ask(&mut second);
    assert_eq!(answers.next().expect("an answer"), "good evening, Ada");

    let sender = example.signal("TERM");
    assert_reason(&example.line("stopping: "), "stopping: ", "SIGTERM", sender);
    assert_reason(&answers.next().expect("a goodbye"), "goodbye: ", "SIGTERM", sender);
    assert_timeline(&example.end_with(0).1, sender, &["1 clients"], None);
}

#[test]
fn tracing() {
    const SAID: &[(&str, &str)] = &[
        ("INFO", "shutdown started"),
        ("INFO", "writing 3 entries"),
        ("INFO", r#"hook ended hook="cache" stage=1 outcome="done""#),
        ("WARN", r#"hook ended hook="requests" stage=1 outcome="timed out""#),
        ("WARN", r#"hook ended hook="database" stage=2 outcome="failed""#),
        ("INFO", "shutdown ended clean=false"),
        ("ERROR", "1 of 3 hooks done in "),
    ];
    let example = Example::start("tracing");
    example.line("press Ctrl-C");
    let sender = example.signal("INT");
    let (_, told) = example.end_with(1);
    // The hooks of a stage start in any order, and a second is over at the end of the first stage.
    let (started, told): (Vec<_>, Vec<_>) =
        told.into_iter().partition(|line| line.contains("hook started"));
    let is_waiting = |line: &String| line.starts_with(" INFO waiting for ");
    let told: Vec<_> = told.into_iter().filter(|line| !is_waiting(line)).collect();
    assert_eq!(started.len(), 3, "{told:#?}");
    assert!(told.len() > SAID.len(), "the report has rows: {told:#?}");
    for (line, (level, text)) in told.iter().zip(SAID) {
        assert!(line.trim_start().starts_with(level) && line.contains(text), "{line}: {text}");
    }
    let (_, reason) = told[0].split_once("shutdown{reason=\"").expect("a reason");
    assert_reason(reason, "", "SIGINT", sender);
    assert!(told[3].contains(r#"in_flight="GET /report ("#), "{}", told[3]);
}

#[test]
fn systemd() {
    let example = Example::start("systemd");
    example.line("ready: press Ctrl-C");
    example.signal("HUP");
    example.line("reloaded");
    example.signal("TERM");
    let (_, told) = example.end_with(0);
    assert!(told[0].starts_with("waiting for queue ("), "{told:#?}");
    assert!(told[0].contains("; in flight: job 7 ("), "{told:#?}");
    assert_clean(&told);
}

#[test]
fn progress() {
    let example = Example::start("progress");
    example.line("working: press Ctrl-C");
    let sender = example.signal("TERM");
    example.line("sent the report");
    let (_, told) = example.end_with(0);
    assert_reason(&told[0], "stopping: ", "SIGTERM", sender);
    assert!(told[1].starts_with("waiting for requests ("), "{told:#?}");
    assert_clean(&told[1..]);
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
    let (mut lines, told) = example.end_with(0);
    let last = lines.pop().expect("a last line");
    assert_reason(&last, "stopped: ", "SIGINT", sender);
    assert!(told[0].ends_with(" jobs, Ctrl-C again to quit now"), "{told:?}");

    let done = 1 + lines.len();
    assert!(last.contains(&format!(", {done} jobs are done, ")), "{last} after {lines:?}");
}

#[test]
fn worker_pool_quits_at_the_second_press() {
    let example = Example::start_with("worker_pool", &["3600"]);
    example.line("working: press Ctrl-C");
    for _ in 0..3 {
        example.line("worker ");
    }
    example.signal("INT");
    let told = example.told.recv_timeout(PATIENCE).expect("a message");
    assert_eq!(told, "finishing 3 jobs, Ctrl-C again to quit now");
    thread::sleep(ANOTHER_PRESS);
    example.signal("INT");
    assert_eq!(example.end_by(2), (vec![], vec![]));
}

#[test]
fn sse() {
    let example = Example::start("sse");
    let listening = example.line("listening: curl -N http://");
    let [url] = words(&listening, 3);
    let client = ask(url.trim_start_matches("http://").trim_end_matches(','), "/");
    let mut lines = BufReader::new(client).lines().map(|line| line.expect("a line"));
    assert!(lines.any(|line| line == "data: tick"));

    let start = Instant::now();
    let sender = example.signal("TERM");
    assert_reason(&example.line("draining: "), "draining: ", "SIGTERM", sender);
    assert!(lines.any(|line| line == "data: goodbye"));
    assert!(start.elapsed() >= Duration::from_secs(2), "the drain was cut short");
    let (_, told) = example.end_with(0);
    assert!(told[0].starts_with("waiting for main ("), "{told:#?}");
    assert_clean(&told);
}

#[test]
fn sync_server() {
    let example = Example::start("sync_server");
    let listening = example.line("listening: nc ");
    let [ip, port] = words(&listening, 2);
    let address = format!("{ip}:{}", port.trim_end_matches(','));
    let (mut client, idle) = (connect(&address), connect(&address));
    client.write_all(b"good morning\n").expect("sent");
    let mut lines = BufReader::new(&client).lines().map(|line| line.expect("a line"));
    assert_eq!(lines.next().as_deref(), Some("good morning"));
    for _ in [&client, &idle] {
        example.line("client ");
    }

    example.signal("TERM");
    let (said, told) = example.end_with(0);
    assert!(said.contains(&"no more clients".into()), "{said:?}");
    assert!(said.contains(&"client 1 is done after 1 lines".into()), "{said:?}");
    assert!(said.contains(&"client 2 is done after 0 lines".into()), "{said:?}");
    assert_clean(&told);
    assert_eq!(lines.next(), None);
}

#[test]
fn vital_task() {
    let (said, told) = Example::start("vital_task").end_with(1);
    assert_eq!(
        said,
        ["job 1", "job 2", "job 3", "the other task stops: request: consumer panicked"]
    );
    let summary = ", request: consumer panicked, marked as a failure";
    assert!(told.iter().any(|line| line.ends_with(summary)), "{told:#?}");
}

/// An HTTP server that gets a signal while it works on a request. Returns who sent it, and the lines on
/// its standard error.
fn finishes_the_answer(name: &str) -> (u32, Vec<String>) {
    let (example, client) = asked(name);
    let sender = example.signal("TERM");
    assert_reason(&example.line("stopping: "), "stopping: ", "SIGTERM", sender);
    assert_eq!(answer(client), ("200".into(), "hello\n".into()));
    let (said, told) = example.end_with(0);
    assert_eq!(said, ["stopped: every answer was sent"]);
    (sender, told)
}

/// A server that works on a request.
fn asked(name: &str) -> (Example, TcpStream) {
    let example = Example::start(name);
    let listening = example.line("listening: curl http://");
    let [url] = words(&listening, 2);
    let address = url.trim_start_matches("http://").trim_end_matches(',');
    let client = ask(address, "/");
    example.line("request");
    (example, client)
}

/// A clean shutdown prints no report. If it takes longer than a second, it says what it waits for.
fn assert_clean(told: &[String]) {
    assert!(told.iter().all(|line| line.starts_with("waiting for ")), "{told:#?}");
}

/// A report with a row for each hook that begins with these words. The other hooks are done.
fn assert_timeline(told: &[String], sender: u32, hooks: &[&str], abandoned: Option<&str>) {
    let (summary, lines) = told.split_first().expect("a report");
    let (done, reason) = summary.split_once(", requested by ").expect("a reason");
    let (all, undone) = (hooks.len(), usize::from(abandoned.is_some()));
    assert!(done.starts_with(&format!("{} of {all} hooks done in ", all - undone)), "{told:#?}");
    assert_reason(reason, "", "SIGTERM", sender);

    // A busy machine may need a millisecond before the first hook starts.
    let lines: Vec<_> = lines.iter().filter(|line| !line.contains("before hooks")).collect();
    assert_eq!(lines.len(), all, "{told:#?}");
    for (line, hook) in lines.iter().zip(hooks) {
        let (name, rest) = line.split_once('|').expect("a bar");
        let name: Vec<_> = name.split_whitespace().collect();
        assert_eq!(name.join(" "), *hook, "{told:#?}");
        let outcome = if Some(*hook) == abandoned { "|  abandoned  " } else { "|  done  " };
        assert!(rest.contains(['=', '.']) && rest.contains(outcome), "{told:#?}");
    }
}

/// Status and body of an answer.
fn get(address: &str, path: &str) -> (String, String) {
    answer(ask(address, path))
}

fn ask(address: &str, path: &str) -> TcpStream {
    let mut client = connect(address);
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    client.write_all(request.as_bytes()).expect("sent");
    client
}

fn answer(mut client: TcpStream) -> (String, String) {
    let mut answer = String::new();
    client.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("head and body");
    let [status] = words(head, 1);
    (status.into(), body.into())
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

/// A running example. It does not outlive the test.
struct Example {
    child: Child,
    lines: Receiver<String>,
    /// Its standard error.
    told: Receiver<String>,
}

impl Example {
    fn start(name: &str) -> Self {
        Self::start_with(name, &[])
    }

    fn start_with(name: &str, arguments: &[&str]) -> Self {
        let path = env::current_exe().expect("the path of this test");
        let path = path.ancestors().nth(2).expect("a target folder").join("examples").join(name);
        let mut command = Command::new(&path);
        command.args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // The tests may run under `nohup`.
        // SAFETY: one system call, and no allocation.
        unsafe {
            command.pre_exec(|| {
                libc::signal(libc::SIGHUP, libc::SIG_DFL);
                Ok(())
            });
        }
        let mut child = command.spawn().unwrap_or_else(|error| {
            let build = "first run `cargo build --all-features --examples`";
            panic!("{}: {error}; {build}", path.display())
        });
        let lines = lines(child.stdout.take().expect("a pipe"));
        let told = self::lines(child.stderr.take().expect("a pipe"));
        Self { child, lines, told }
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

    /// Waits for the end, which has to be a success without a word on standard error; returns the
    /// lines until then.
    fn end(self) -> Vec<String> {
        let (said, told) = self.end_with(0);
        assert!(told.is_empty(), "{told:#?}");
        said
    }

    /// Waits for the end; returns the lines on standard output until then, and all on standard error.
    fn end_with(mut self, code: i32) -> (Vec<String>, Vec<String>) {
        let status = self.status();
        let (said, told) = (self.lines.iter().collect(), self.told.iter().collect());
        assert_eq!(status.code(), Some(code), "{status}: {told:#?}");
        (said, told)
    }

    /// Ends by this signal.
    fn end_by(mut self, signal: i32) -> (Vec<String>, Vec<String>) {
        let status = self.status();
        let (said, told) = (self.lines.iter().collect(), self.told.iter().collect());
        assert_eq!(status.signal(), Some(signal), "{status}: {told:#?}");
        (said, told)
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

/// What a child prints, line by line, as it comes.
fn lines(output: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    let mut lines = BufReader::new(output).lines().map_while(Result::ok);
    thread::spawn(move || lines.try_for_each(|line| sender.send(line)));
    receiver
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
