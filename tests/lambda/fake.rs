//! A Runtime API on the loopback interface that answers as a test wants it.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

pub(crate) const IDENTIFIER: &str = "6d2cf6a8-43ad-4f0c-b0aa-8cbcb1d1a1d2";

/// Each connection has a thread, which ends with the connection.
pub(crate) struct Api {
    pub(crate) address: SocketAddr,
    requests: Receiver<String>,
    /// The connections that asked for `/next`.
    pub(crate) parked: Arc<Mutex<Vec<TcpStream>>>,
}

impl Api {
    /// Says `answer` to every registration.
    pub(crate) fn answering(answer: impl Into<String>) -> Self {
        let answer = answer.into();
        Self::choosing(move |_| answer.clone())
    }

    /// Says what `answer` makes of the request.
    pub(crate) fn choosing(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        Self::with("127.0.0.1:0", move |stream, request| say(stream, &answer(request)))
    }

    /// Does `answer` on every connection that registers; it is closed then.
    pub(crate) fn new(
        address: &str,
        answer: impl Fn(&mut TcpStream) + Send + Sync + 'static,
    ) -> Self {
        Self::with(address, move |stream, _| answer(stream))
    }

    fn with(address: &str, answer: impl Fn(&mut TcpStream, &str) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(address).expect("a port");
        let address = listener.local_addr().expect("bound");
        let (seen, requests) = mpsc::channel();
        let parked = Arc::new(Mutex::new(Vec::new()));
        let (lot, answer) = (Arc::clone(&parked), Arc::new(answer));
        thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let (lot, answer, seen) = (Arc::clone(&lot), Arc::clone(&answer), seen.clone());
                thread::spawn(move || {
                    let request = request(&mut stream);
                    let next = request.contains("/event/next ");
                    let _ = seen.send(request.clone()); // the test may be over
                    if next {
                        lot.lock().expect("no panic").push(stream);
                    } else {
                        answer(&mut stream, &request);
                    }
                });
            }
        });
        Self { address, requests, parked }
    }

    /// The next request that it got.
    pub(crate) fn request(&self) -> String {
        self.requests.recv_timeout(super::BOUND).expect("a request")
    }

    /// Whether no more requests come.
    pub(crate) fn is_left_alone(&self) -> bool {
        self.requests.try_iter().all(|request| request.is_empty())
    }
}

/// Empty where the client only closes the connection.
fn request(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    let mut byte = [0];
    while !is_whole(&request) && stream.read(&mut byte).is_ok_and(|read| read == 1) {
        request.push(byte[0]);
    }
    String::from_utf8(request).expect("text")
}

fn is_whole(request: &[u8]) -> bool {
    let request = String::from_utf8_lossy(request);
    let Some((head, body)) = request.split_once("\r\n\r\n") else { return false };
    let length = head.split("\r\n").find_map(|line| line.strip_prefix("Content-Length: "));
    body.len() >= length.map_or(0, |length| length.parse().expect("a length"))
}

/// What AWS answers to a registration.
pub(crate) fn registered() -> String {
    let body = r#"{"functionName":"test_function","functionVersion":"$LATEST","handler":null}"#;
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
         Lambda-Extension-Identifier: {IDENTIFIER}\r\nContent-Length: {}\r\n\r\n{body}\n",
        body.len() + 1
    )
}

/// How AWS says no.
pub(crate) fn refused(status: &str, error_type: &str, message: &str) -> String {
    let body = format!(r#"{{"errorMessage":"{message}","errorType":"{error_type}"}}"#);
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}\n",
        body.len() + 1
    )
}

/// Says it once; the client may have seen enough before.
pub(crate) fn say(stream: &mut TcpStream, text: &str) {
    let _ = stream.write_all(text.as_bytes());
}

/// Says it again and again, until the client has gone.
pub(crate) fn for_ever(stream: &mut TcpStream, text: &[u8], pause: Duration) {
    while stream.write_all(text).is_ok() {
        thread::sleep(pause);
    }
}

/// Waits until the client closes the connection.
pub(crate) fn hang(stream: &mut TcpStream) {
    let mut byte = [0];
    loop {
        match stream.read(&mut byte) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Ok(1) => {}
            _ => return,
        }
    }
}
