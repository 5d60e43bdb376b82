//! Clients that send HTTP requests until the server is gone.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

use crate::recipe::BOUND;

/// Half of the clients open a connection for each request, the others keep theirs.
const CLIENTS: usize = 16;

/// Requests without pause.
pub struct Load {
    clients: Vec<JoinHandle<()>>,
    responses: Receiver<String>,
}

impl Load {
    pub fn start(address: &str) -> Self {
        let (sender, responses) = mpsc::channel();
        let client = |number| {
            let (address, sender) = (address.to_owned(), sender.clone());
            let requests = if number % 2 == 0 { 1 } else { usize::MAX };
            // An error ends a connection. The next one is refused if the server is gone.
            let run = move || while connection(&address, requests, &sender).is_ok() {};
            thread::spawn(run)
        };
        Self { clients: (0..CLIENTS).map(client).collect(), responses }
    }

    /// Waits until every client may have had some responses.
    pub fn wait_for_responses(&self) -> Vec<String> {
        let responses = (0..4 * CLIENTS).map(|_| self.responses.recv_timeout(BOUND));
        responses.map(|response| response.expect("a response")).collect()
    }

    /// The responses that were not read before. The server has to be gone.
    pub fn end(self) -> Vec<String> {
        for client in self.clients {
            client.join().expect("no response was cut short");
        }
        self.responses.try_iter().collect()
    }
}

/// Fails if the server does not accept the connection. A request without any response is one that the
/// server has not accepted: it counts its own.
fn connection(address: &str, requests: usize, responses: &Sender<String>) -> io::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(BOUND))?;
    let connection = if requests == 1 { "close" } else { "keep-alive" };
    let request = format!("GET / HTTP/1.1\r\nhost: localhost\r\nconnection: {connection}\r\n\r\n");
    let mut reader = BufReader::new(stream.try_clone()?);
    for _ in 0..requests {
        let mut head = String::new();
        if stream.write_all(request.as_bytes()).is_err() || !has_response(&mut reader) {
            break;
        }
        while reader.read_line(&mut head).expect("a head") > 2 {}
        let head = head.to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 200 ") && head.ends_with("\r\n\r\n"), "{head}");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length = length.and_then(|length| length.parse().ok()).expect("a length");
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("a body");
        let body = String::from_utf8(body).expect("a text");
        responses.send(body).expect("the test listens");
        if head.contains("connection: close") {
            break;
        }
    }
    Ok(())
}

fn has_response(reader: &mut BufReader<TcpStream>) -> bool {
    reader.fill_buf().is_ok_and(|bytes| !bytes.is_empty())
}
