//! Connections that wait for messages which never come.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{Error, Message, WebSocket};

use crate::recipe::{BOUND, Recipe};

const CLIENTS: usize = 16;

/// The time until clients answer that a socket closes.
const SLOW: Duration = Duration::from_millis(300);

#[test]
fn long_connections() {
    let recipe = Recipe::start(env!("CARGO_BIN_EXE_long_connections"), &[]);
    let address = recipe.wait_for("listening: curl http://");
    let address = address.strip_suffix("/poll").expect("a path");

    let mut sockets: Vec<_> = (0..CLIENTS).map(|_| socket(address)).collect();
    let polls: Vec<_> = (0..CLIENTS).map(|_| poll(address)).collect();
    let polls: Vec<_> = polls.into_iter().map(|poll| thread::spawn(|| status(poll))).collect();
    // Until each poll is in its handler, and has had a message.
    while polls.iter().any(|poll| !poll.is_finished()) {
        sockets[0].send(Message::text("news")).expect("a publisher");
        thread::sleep(Duration::from_millis(1));
    }
    for poll in polls {
        assert_eq!(poll.join().expect("a response"), "200");
    }

    let last: Vec<_> = (0..CLIENTS).map(|_| poll(address)).collect();
    recipe.signal("TERM");
    let last: Vec<_> = last.into_iter().map(status).collect();
    thread::sleep(SLOW); // the server waits for the sockets, too
    for socket in sockets {
        assert_eq!(closed_with(socket), Some(CloseCode::Away));
    }
    recipe.end().assert_clean();
    // The handler responds, or the server has not read the request.
    assert!(last.iter().all(|status| status == "204" || status.is_empty()), "{last:?}");
}

fn socket(address: &str) -> WebSocket<MaybeTlsStream<TcpStream>> {
    let (socket, _) = tungstenite::connect(format!("ws://{address}/socket")).expect("an upgrade");
    socket
}

/// Reads until the connection is closed, as the protocol asks.
fn closed_with(mut socket: WebSocket<MaybeTlsStream<TcpStream>>) -> Option<CloseCode> {
    let mut code = None;
    loop {
        match socket.read() {
            Ok(Message::Close(frame)) => code = frame.map(|frame| frame.code),
            Ok(_) => {}
            Err(Error::ConnectionClosed) => return code,
            Err(error) => panic!("not closed in order: {error}"),
        }
    }
}

fn poll(address: &str) -> TcpStream {
    let mut client = TcpStream::connect(address).expect("it listens");
    client.set_read_timeout(Some(BOUND)).expect("a timeout");
    let request = "GET /poll HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    client.write_all(request.as_bytes()).expect("sent");
    client
}

/// The status of the response, or nothing if there is none.
fn status(client: TcpStream) -> String {
    let mut line = String::new();
    _ = BufReader::new(client).read_line(&mut line); // it may be reset
    line.split(' ').nth(1).unwrap_or_default().to_owned()
}
