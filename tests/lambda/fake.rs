//! A Runtime API on the loopback interface with the responses of a test.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
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

/// What the server does with a connection after a response.
#[derive(PartialEq, Eq)]
enum After {
    KeepAlive,
    Close,
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
            if is_kept_alive(&response) { After::KeepAlive } else { After::Close }
        })
    }

    /// Calls `respond` for every connection that registers.
    pub(crate) fn new(
        address: &str,
        respond: impl Fn(&mut TcpStream) + Send + Sync + 'static,
    ) -> Self {
        Self::with(address, move |stream, _| {
            respond(stream);
            After::KeepAlive
        })
    }

    /// Resets the connection after the response, and all connections that have no request yet.
    pub(crate) fn resetting(response: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound");
        let (seen, requests) = mpsc::channel();
        thread::spawn(move || {
            let mut registering = accept(&listener);
            let post = request(&mut registering);
            listener.set_nonblocking(true).expect("a listener");
            listener.incoming().map_while(Result::ok).for_each(reset);
            listener.set_nonblocking(false).expect("a listener");
            say(&mut registering, &response);
            reset(registering);
            let _ = seen.send(post); // the test may be over
            let mut next = accept(&listener);
            let _ = seen.send(request(&mut next));
            hang(&mut next);
        });
        Self { address, requests, parked: Arc::default() }
    }

    fn with(
        address: &str,
        respond: impl Fn(&mut TcpStream, &str) -> After + Send + Sync + 'static,
    ) -> Self {
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
        self.requests.try_iter().all(|request| request.is_empty())
    }
}

/// `SnapStart` answers `/restore/next`, and this server answers no other `/next`.
fn is_parked(request: &str) -> bool {
    request.contains("/next ") && !request.contains("/restore/next ")
}

fn is_kept_alive(response: &str) -> bool {
    let closes = response.to_ascii_lowercase().contains("\r\nconnection: close");
    response.starts_with("HTTP/1.1 200") && response.contains("-Length: ") && !closes
}

fn serve(
    mut stream: TcpStream,
    seen: &Sender<String>,
    parking: &Mutex<Vec<(String, TcpStream)>>,
    respond: &dyn Fn(&mut TcpStream, &str) -> After,
) {
    loop {
        let request = request(&mut stream);
        if is_parked(&request) {
            parking.lock().expect("no panic").push((request.clone(), stream));
            let _ = seen.send(request); // the test may be over
            return;
        }
        let _ = seen.send(request.clone());
        if request.is_empty() || respond(&mut stream, &request) == After::Close {
            return;
        }
    }
}

fn accept(listener: &TcpListener) -> TcpStream {
    listener.accept().expect("a connection").0
}

/// Closes the connection with a reset.
#[allow(unsafe_code, reason = "setsockopt(2)")]
fn reset(stream: TcpStream) {
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    let size = size_of_val(&linger).try_into().expect("small");
    // SAFETY: the pointer is to a live value of this size.
    let set = unsafe {
        let option = (&raw const linger).cast();
        libc::setsockopt(stream.as_raw_fd(), libc::SOL_SOCKET, libc::SO_LINGER, option, size)
    };
    assert_eq!(set, 0);
    drop(stream);
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
