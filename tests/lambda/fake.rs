//! A Runtime API on the loopback interface with the responses of a test.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

pub(crate) const IDENTIFIER: &str = "6d2cf6a8-43ad-4f0c-b0aa-8cbcb1d1a1d2";

/// Serves each connection on a thread, which ends with the connection.
pub(crate) struct Api {
    pub(crate) address: SocketAddr,
    requests: Receiver<String>,
    /// The requests for `/next`, with their connections.
    pub(crate) parked: Arc<Mutex<Vec<(String, TcpStream)>>>,
}

impl Api {
    /// Sends `response` to every registration.
    pub(crate) fn answering(response: impl Into<String>) -> Self {
        let response = response.into();
        Self::choosing(move |_| response.clone())
    }

    /// Sends the response that `respond` returns for the request.
    pub(crate) fn choosing(respond: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        Self::with("127.0.0.1:0", move |stream, request| {
            let response = respond(request);
            say(stream, &response);
            if !stays_open(&response) {
                let _ = stream.shutdown(Shutdown::Both); // the client may be faster
            }
        })
    }

    /// Calls `respond` for every connection that registers.
    pub(crate) fn new(
        address: &str,
        respond: impl Fn(&mut TcpStream) + Send + Sync + 'static,
    ) -> Self {
        Self::with(address, move |stream, _| respond(stream))
    }

    fn with(address: &str, respond: impl Fn(&mut TcpStream, &str) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(address).expect("a port");
        let address = listener.local_addr().expect("bound");
        let (seen, requests) = mpsc::channel();
        let parked = Arc::new(Mutex::new(Vec::new()));
        let (parking, respond) = (Arc::clone(&parked), Arc::new(respond));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (parking, respond) = (Arc::clone(&parking), Arc::clone(&respond));
                let seen = seen.clone();
                thread::spawn(move || serve(stream, &seen, &parking, &*respond));
            }
        });
        Self { address, requests, parked }
    }

    /// Returns the next request that the server received.
    pub(crate) fn request(&self) -> String {
        self.requests.recv_timeout(super::BOUND).expect("a request")
    }

    /// Returns whether no other request arrived.
    pub(crate) fn is_left_alone(&self) -> bool {
        self.requests.try_iter().next().is_none()
    }
}

/// `SnapStart` answers `/restore/next`, and this server answers no other `/next`.
fn is_parked(request: &str) -> bool {
    request.contains("/next ") && !request.contains("/restore/next ")
}

fn serve(
    mut stream: TcpStream,
    seen: &Sender<String>,
    parking: &Mutex<Vec<(String, TcpStream)>>,
    respond: &dyn Fn(&mut TcpStream, &str),
) {
    loop {
        let request = request(&mut stream);
        if request.is_empty() {
            return;
        }
        if is_parked(&request) {
            parking.lock().expect("no panic").push((request.clone(), stream));
            let _ = seen.send(request); // the test may be over
            return;
        }
        let _ = seen.send(request.clone());
        respond(&mut stream, &request);
    }
}

/// Returns whether the client can tell where the response ends, and the server does not close.
fn stays_open(response: &str) -> bool {
    let has_end = ["Content-Length: ", "chunked"].iter().any(|end| response.contains(end));
    has_end && is_whole(response.as_bytes()) && !response.contains("Connection: close")
}

/// Reads a request. Returns an empty string if the client only closes the connection.
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

/// Returns the response of AWS to a registration.
pub(crate) fn registered() -> String {
    let body = r#"{"functionName":"test_function","functionVersion":"$LATEST","handler":null}"#;
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
         Lambda-Extension-Identifier: {IDENTIFIER}\r\nContent-Length: {}\r\n\r\n{body}\n",
        body.len() + 1
    )
}

/// Returns an error response of AWS.
pub(crate) fn refused(status: &str, error_type: &str, message: &str) -> String {
    let body = format!(r#"{{"errorMessage":"{message}","errorType":"{error_type}"}}"#);
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}\n",
        body.len() + 1
    )
}

/// Sends it, unless the client has closed the connection.
pub(crate) fn say(stream: &mut TcpStream, text: &str) {
    let _ = stream.write_all(text.as_bytes());
}

/// Sends it repeatedly, until the client closes the connection.
pub(crate) fn repeat(stream: &mut TcpStream, text: &[u8], pause: Duration) {
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
